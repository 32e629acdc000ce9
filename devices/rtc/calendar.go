package rtc

import "time"

// decode turns a register's value into a number.
func (r *RTC) decode(v uint8) int {
	if r.s.CMOS[RegB]&bBinary != 0 {
		return int(v)
	}
	return int(v>>4)*10 + int(v&0xf)
}

func (r *RTC) encode(n int) uint8 {
	if r.s.CMOS[RegB]&bBinary != 0 {
		return uint8(n)
	}
	return uint8(n/10%10<<4 | n%10)
}

// decodeHour takes care of the 12-hour form, in which bit 7 is PM.
func (r *RTC) decodeHour(v uint8) int {
	if r.s.CMOS[RegB]&b24 != 0 {
		return r.decode(v)
	}
	h := r.decode(v&0x7f) % 12
	if v&0x80 != 0 {
		h += 12
	}
	return h
}

func (r *RTC) encodeHour(h int) uint8 {
	if r.s.CMOS[RegB]&b24 != 0 {
		return r.encode(h)
	}
	pm := uint8(0)
	if h >= 12 {
		pm = 0x80
	}
	if h %= 12; h == 0 {
		h = 12
	}
	return r.encode(h) | pm
}

// now reads the time registers. The century register is BCD in either mode.
func (r *RTC) now() time.Time {
	c := &r.s.CMOS
	year := int(c[Century]>>4)*1000 + int(c[Century]&0xf)*100 + r.decode(c[Year])
	return time.Date(year, time.Month(r.decode(c[Month])), r.decode(c[DayOfMonth]),
		r.decodeHour(c[Hours]), r.decode(c[Minutes]), r.decode(c[Seconds]), 0, time.UTC)
}

// setTime fills the time registers.
func (r *RTC) setTime(t time.Time) {
	t = t.UTC()
	c := &r.s.CMOS
	c[Seconds] = r.encode(t.Second())
	c[Minutes] = r.encode(t.Minute())
	c[Hours] = r.encodeHour(t.Hour())
	c[DayOfWeek] = r.encode(int(t.Weekday()) + 1)
	c[DayOfMonth] = r.encode(t.Day())
	c[Month] = r.encode(int(t.Month()))
	c[Year] = r.encode(t.Year() % 100)
	cent := t.Year() / 100 % 100
	c[Century] = uint8(cent/10<<4 | cent%10)
	c[CenturyPS2] = c[Century]
}

// advance makes n updates: the time moves n seconds on, and the alarm is compared at each.
func (r *RTC) advance(n int64) {
	c := &r.s.CMOS
	old := r.now()
	weekday := r.decode(c[DayOfWeek])
	t := old.Add(time.Duration(n) * time.Second)
	r.setTime(t)
	// The day of the week is a counter of its own, which software may have set otherwise.
	days := t.Unix()/86400 - old.Unix()/86400
	c[DayOfWeek] = r.encode(int((int64(weekday)+6+days)%7) + 1)
	c[RegC] |= cUF
	if c[RegC]&cAF == 0 && r.alarmIn(old, n) {
		c[RegC] |= cAF
	}
}

// alarmIn tells whether one of the n seconds after t is the alarm's. After a day it repeats.
func (r *RTC) alarmIn(t time.Time, n int64) bool {
	c := &r.s.CMOS
	h, m, s := r.decodeHour(c[HoursAlarm]), r.decode(c[MinutesAlarm]), r.decode(c[SecondsAlarm])
	const any = 0xc0
	anyH, anyM, anyS := c[HoursAlarm]&any == any, c[MinutesAlarm]&any == any, c[SecondsAlarm]&any == any
	day := int((t.Unix()%86400 + 86400) % 86400)
	for range min(n, 86400) {
		day = (day + 1) % 86400
		if (anyH || day/3600 == h) && (anyM || day/60%60 == m) && (anyS || day%60 == s) {
			return true
		}
	}
	return false
}
