package rtc

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"goemu/devices/devtest"
)

type bench struct {
	clock devtest.Clock
	irq   devtest.Line
	rtc   *RTC
}

func newBench(start time.Time) *bench {
	b := &bench{}
	b.rtc = New(&b.clock, &b.irq, start)
	return b
}

func (b *bench) write(reg int, v uint8) {
	b.rtc.Out(Base, 1, uint32(reg))
	b.rtc.Out(Base+1, 1, uint32(v))
}

func (b *bench) read(reg int) uint8 {
	b.rtc.Out(Base, 1, uint32(reg))
	return uint8(b.rtc.In(Base+1, 1))
}

// regs reads century, year, month, day, day of the week, hours, minutes, seconds.
func (b *bench) regs() string {
	return fmt.Sprintf("%02x%02x-%02x-%02x/%x %02x:%02x:%02x", b.read(Century), b.read(Year), b.read(Month),
		b.read(DayOfMonth), b.read(DayOfWeek), b.read(Hours), b.read(Minutes), b.read(Seconds))
}

func at(s string) time.Time {
	t, err := time.Parse("2006-01-02 15:04:05", s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestCalendar(t *testing.T) {
	for _, c := range []struct {
		start string
		secs  int64
		want  string
	}{
		{"2023-06-10 12:34:56", 0, "2023-06-10/7 12:34:56"},
		{"2023-06-10 12:34:56", 4, "2023-06-10/7 12:35:00"},
		{"2023-06-10 23:59:59", 1, "2023-06-11/1 00:00:00"},
		{"2024-02-28 23:59:59", 1, "2024-02-29/5 00:00:00"},
		{"2023-02-28 23:59:59", 1, "2023-03-01/4 00:00:00"},
		{"1999-12-31 23:59:59", 1, "2000-01-01/7 00:00:00"},
		{"2023-12-31 23:59:59", 86400, "2024-01-01/2 23:59:59"},
	} {
		b := newBench(at(c.start))
		b.clock.Advance(c.secs * second)
		if got := b.regs(); got != c.want {
			t.Errorf("%s + %d s: %s, want %s", c.start, c.secs, got, c.want)
		}
	}
}

func TestFormats(t *testing.T) {
	for _, c := range []struct {
		b         uint8
		in, after uint8 // hours before and an hour later
	}{
		{b24, 0x09, 0x10},
		{b24, 0x23, 0x00},
		{b24 | bBinary, 9, 10},
		{b24 | bBinary, 23, 0},
		{0, 0x11, 0x92},
		{0, 0x12, 0x01},
		{0, 0x92, 0x81},
		{0, 0x91, 0x12},
		{bBinary, 11, 0x8c},
		{bBinary, 0x8b, 12},
	} {
		b := newBench(at("2023-06-10 12:00:00"))
		b.write(RegB, bSet|c.b)
		for _, r := range []int{DayOfWeek, DayOfMonth, Month} {
			b.write(r, 1)
		}
		b.write(Minutes, 0)
		b.write(Seconds, 0)
		b.write(Hours, c.in)
		b.write(RegB, c.b)
		b.clock.Advance(3600 * second)
		if got := b.read(Hours); got != c.after {
			t.Errorf("register B %#x: an hour after %#x is %#x, want %#x", c.b, c.in, got, c.after)
		}
	}
}

func TestSetStopsUpdates(t *testing.T) {
	b := newBench(at("2023-06-10 12:00:00"))
	b.write(RegB, bSet|b24|bUIE)
	if b.read(RegB)&bUIE != 0 {
		t.Error("SET does not clear UIE")
	}
	b.clock.Advance(5 * second)
	if got := b.read(Seconds); got != 0 {
		t.Errorf("seconds went to %x while SET", got)
	}
	if b.read(RegC)&cUF != 0 {
		t.Error("UF while SET")
	}
	b.write(RegB, b24)
	b.clock.Advance(second)
	if got := b.read(Seconds); got != 1 {
		t.Errorf("seconds are %x a second later", got)
	}
}

// The time that the guest sets is told when it counts: at once, or when SET is cleared.
func TestOnSet(t *testing.T) {
	b := newBench(at("2023-06-10 12:00:00"))
	var told []string
	b.rtc.OnSet = func(t time.Time) { told = append(told, t.Format(time.DateTime)) }
	b.write(Hours, 0x13)
	b.write(RegB, bSet|b24)
	b.write(Minutes, 0x45)
	b.write(HoursAlarm, 0x20)
	b.write(RegB, b24)
	b.write(RegB, b24|bAIE)
	if got := strings.Join(told, ", "); got != "2023-06-10 13:00:00, 2023-06-10 13:45:00" {
		t.Error(got)
	}
}

func TestDividerReset(t *testing.T) {
	b := newBench(at("2023-06-10 12:00:00"))
	b.clock.Advance(second / 4)
	b.write(RegA, 0x70)
	b.clock.Advance(10 * second)
	b.write(RegA, 0x26)
	b.clock.Advance(second/2 - 1)
	if got := b.read(Seconds); got != 0 {
		t.Errorf("seconds are %x before half a second has passed", got)
	}
	b.clock.Advance(1)
	if got := b.read(Seconds); got != 1 {
		t.Errorf("seconds are %x half a second after the divider started", got)
	}
}

func TestUpdateInProgress(t *testing.T) {
	b := newBench(at("2023-06-10 12:00:00"))
	b.clock.Advance(second - updateCycle - 1)
	if b.read(RegA)&aUIP != 0 {
		t.Error("UIP too early")
	}
	b.clock.Advance(1)
	if b.read(RegA)&aUIP == 0 {
		t.Error("no UIP before the update")
	}
	b.clock.Advance(updateCycle)
	if b.read(RegA)&aUIP != 0 || b.read(Seconds) != 1 {
		t.Error("UIP after the update")
	}
}

func TestPeriodicRates(t *testing.T) {
	for rate, hz := range []int{0, 256, 128, 8192, 4096, 2048, 1024, 512, 256, 128, 64, 32, 16, 8, 4, 2} {
		b := newBench(at("2023-06-10 12:00:00"))
		b.write(RegA, aRun|uint8(rate))
		b.write(RegB, b24|bPIE)
		n := 0
		for b.clock.Now() < second {
			next, ok := b.clock.Next()
			if !ok {
				break
			}
			b.clock.Advance(min(next, second) - b.clock.Now())
			if b.irq.Level {
				if c := b.read(RegC); c != cIRQ|cPF && c != cIRQ|cPF|cUF {
					t.Fatalf("rate %d: register C %#x", rate, c)
				}
				n++
			}
		}
		if n != hz {
			t.Errorf("rate %d: %d interrupts a second, want %d", rate, n, hz)
		}
	}
}

func TestUpdateInterrupt(t *testing.T) {
	b := newBench(at("2023-06-10 12:00:00"))
	b.write(RegB, b24|bUIE)
	b.clock.Advance(second - 1)
	if b.irq.Level {
		t.Error("early")
	}
	b.clock.Advance(1)
	if !b.irq.Level {
		t.Fatal("no interrupt")
	}
	b.clock.Advance(3 * second)
	if n := b.irq.Edges(); n != 1 {
		t.Errorf("%d edges without reading register C", n)
	}
	if c := b.read(RegC); c&^cPF != cIRQ|cUF {
		t.Errorf("register C %#x", c)
	}
	if b.irq.Level || b.read(RegC) != 0 {
		t.Error("reading register C does not clear it")
	}
	b.clock.Advance(second)
	if !b.irq.Level {
		t.Error("no further interrupt")
	}
}

func TestFlagsWithoutEnable(t *testing.T) {
	b := newBench(at("2023-06-10 12:00:00"))
	b.clock.Advance(2 * second)
	if c := b.read(RegC); c&(cUF|cIRQ) != cUF {
		t.Errorf("register C %#x, want UF without IRQF", c)
	}
	b.clock.Advance(second)
	b.write(RegB, b24|bUIE)
	if !b.irq.Level {
		t.Error("enabling with UF set must interrupt")
	}
}

func TestAlarm(t *testing.T) {
	const any = 0xc0
	for _, c := range []struct {
		name    string
		h, m, s uint8
		after   []int64 // seconds after 12:34:56, within two hours
	}{
		{"exact", 0x12, 0x35, 0x10, []int64{14}},
		{"past", 0x12, 0x34, 0x55, nil},
		{"every hour", any, 0x35, 0x00, []int64{4, 3604}},
		{"every minute of an hour", 0x14, any, 0x00, []int64{5104, 5164, 5224}},
		{"every second", any, any, 0xff, []int64{1, 2, 3}},
	} {
		b := newBench(at("2023-06-10 12:34:56"))
		b.write(HoursAlarm, c.h)
		b.write(MinutesAlarm, c.m)
		b.write(SecondsAlarm, c.s)
		b.write(RegB, b24|bAIE)
		var got []int64
		for s := int64(1); s <= 7200 && len(got) < 3; s++ {
			b.clock.Advance(second)
			if b.irq.Level {
				got = append(got, s)
				if v := b.read(RegC); v&(cIRQ|cAF) != cIRQ|cAF {
					t.Errorf("%s: register C %#x", c.name, v)
				}
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(c.after) {
			t.Errorf("%s: alarms at %v, want %v", c.name, got, c.after)
		}
	}
}

func TestAlarmFoundAfterAJump(t *testing.T) {
	b := newBench(at("2023-06-10 12:34:56"))
	b.write(HoursAlarm, 0x13)
	b.write(MinutesAlarm, 0)
	b.write(SecondsAlarm, 0)
	b.clock.Advance(7200 * second)
	if b.read(RegC)&cAF == 0 {
		t.Error("AF not set by an alarm that passed unobserved")
	}
}

func TestMemoryAndReset(t *testing.T) {
	b := newBench(at("2023-06-10 12:00:00"))
	b.write(0x40, 0x5a)
	b.write(RegC, 0xff)
	b.write(RegD, 0)
	b.write(RegB, b24|bPIE|bUIE|bAIE)
	b.rtc.Out(Base, 1, 0x8d)
	if !b.rtc.NMIMasked() || b.rtc.In(Base, 1) != 0xff {
		t.Error("port 70h")
	}
	b.clock.Advance(second)
	b.rtc.Reset()
	if b.irq.Level || b.read(RegB) != b24 || b.rtc.NMIMasked() {
		t.Error("reset leaves interrupts on")
	}
	if b.read(0x40) != 0x5a || b.read(RegD) != dValid || b.regs() != "2023-06-10/7 12:00:01" {
		t.Errorf("memory or time lost: %s", b.regs())
	}
}

// The second bank is memory alone, with an index of its own that can be read.
func TestSecondBank(t *testing.T) {
	b := newBench(at("2023-06-10 12:00:00"))
	for i := range uint32(256) {
		b.rtc.Out(Base+2, 1, i)
		b.rtc.Out(Base+3, 1, i^0xa5)
	}
	for i := range uint32(128) {
		b.rtc.Out(Base+2, 1, i)
		if got := b.rtc.In(Base+3, 1); got != (i|0x80)^0xa5 || b.rtc.In(Base+2, 1) != i {
			t.Errorf("byte %#x is %#x", i, got)
		}
	}
	if b.regs() != "2023-06-10/7 12:00:00" || b.read(CenturyPS2) != 0x20 {
		t.Errorf("the clock shows %s", b.regs())
	}
}

func FuzzRTC(f *testing.F) {
	f.Add([]byte{1, 0, 11, 0, 0, 0, 1, 1, 0x72, 0, 0, 0, 0xb0, 1, 255})
	f.Fuzz(func(t *testing.T, in []byte) {
		b := newBench(at("2023-06-10 12:00:00"))
		devtest.FuzzPorts(in, &b.clock, b.rtc, 0x70, 0x71, 0x72, 0x73)
		if err := b.rtc.RestoreState(b.rtc.SaveState()); err != nil {
			t.Error(err)
		}
	})
}
