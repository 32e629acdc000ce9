package report

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"goemu/emu/inspect"
)

// leaves calls visit with every number of v, and its path.
func leaves(v reflect.Value, path string, visit func(reflect.Value, string)) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			leaves(v.Field(i), path+"."+v.Type().Field(i).Name, visit)
		}
	case reflect.Array:
		for i := range v.Len() {
			leaves(v.Index(i), path, visit)
		}
	default:
		visit(v, path)
	}
}

// TestComplete changes each number of inspect.Registers: it has to be seen, to be settable by its name, and to be masked by it.
func TestComplete(t *testing.T) {
	var a, b inspect.Registers
	n := 0
	leaves(reflect.ValueOf(&b).Elem(), "", func(v reflect.Value, path string) {
		switch path {
		case ".CPU", ".Vectors", ".VectorBytes":
			return // no registers
		}
		n++
		old := reflect.ValueOf(v.Interface())
		switch {
		case v.Kind() == reflect.Bool:
			v.SetBool(true)
		case v.CanInt():
			v.SetInt(1)
		default:
			v.SetUint(2)
		}
		d := Registers(&a, &b, nil)
		if len(d) != 1 || Equal(&a, &b, nil) {
			t.Fatalf("%s: differences %v", path, d)
		}
		name := d[0].Name
		var c inspect.Registers
		text, _ := Get(&b, name)
		if err := Set(&c, name, text); err != nil || c != b {
			t.Errorf("%s: Set: %v, differs in %v", path, err, Registers(&b, &c, nil))
		}
		m := &Mask{Registers: []string{strings.ToUpper(name)}}
		if s := Diff(&a, &b, m); s != "" || !Equal(&a, &b, m) {
			t.Errorf("%s: masked by its name %s, differs:\n%s", path, name, s)
		}
		v.Set(old)
	})
	if n < 350 {
		t.Errorf("only %d numbers seen", n)
	}
}

func TestDiff(t *testing.T) {
	var a, b inspect.Registers
	a.GPR[inspect.RAX], b.GPR[inspect.RAX] = 5, 6
	a.RFLAGS, b.RFLAGS = 0x46, 0x857
	a.Vec[3][0], b.Vec[3][2] = 1, 1
	a.X87.ST[1] = inspect.Float80{Significand: 1 << 63, Exponent: 0x3fff}
	a.X87.FSW, b.X87.FSW = 0x3800, 0x3a20
	m := &Mask{Flags: inspect.FlagAF | inspect.FlagOF, FSW: 0x220}
	d := Registers(&a, &b, m)
	d = append(d, Memory(0x1000, make([]byte, 20), append(make([]byte, 18), 7, 8))...)
	want := `
- rax      0x5
+ rax      0x6
- rflags   0x46 [---Z-P-]
+ rflags   0x47 [---Z-PC]
- st1      3fff:8000000000000000
+ st1      0000:0000000000000000
- ymm3     0x1
+ ymm3     0x100000000000000000000000000000000
- [0x1010] 00 00 00 00
+ [0x1010] 00 00 07 08
`
	if diff := cmp.Diff(want[1:], Text(d)); diff != "" {
		t.Error(diff)
	}
	if a.RFLAGS != 0x46 || b.RFLAGS != 0x857 {
		t.Error("the states have changed")
	}
}

func TestSetErrors(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"rbz", "1", "there is no register rbz"},
		{"rax", "x", "rax=x: want a number of up to 64 bits"},
		{"cs", "0x10000", "cs=0x10000: want a number of up to 16 bits"},
		{"st9", "0:0", "there is no register st9"},
		{"st0", "12", "st0=12: want sign and exponent"},
		{"xmm0", "12", "xmm0=12: want 0x and up to 128"},
		{"ymm0", "0x" + strings.Repeat("f", 129), "want 0x and up to 128"},
		{"zmm0", "0x-1", "want 0x and up to 128"},
		{"state", "off", "state=off: want one of running, halted"},
	} {
		if err := Set(new(inspect.Registers), c.name, c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s=%s: %v, want %q", c.name, c.text, err, c.want)
		}
	}
}

func TestRounding(t *testing.T) {
	for _, c := range []struct {
		a, b inspect.Float80
		want bool
	}{
		{inspect.Float80{Significand: 1<<63 + 3, Exponent: 5}, inspect.Float80{Significand: 1<<63 + 6, Exponent: 5}, true},
		{inspect.Float80{Significand: 1<<63 + 1, Exponent: 5}, inspect.Float80{Significand: 1<<63 + 6, Exponent: 5}, false},
		{inspect.Float80{Significand: 1 << 63, Exponent: 6}, inspect.Float80{Significand: 1<<64 - 1, Exponent: 5}, true},
		{inspect.Float80{Significand: 1<<64 - 1, Exponent: 5}, inspect.Float80{Significand: 1 << 63, Exponent: 6}, true},
		{inspect.Float80{Significand: 1 << 63, Exponent: 6}, inspect.Float80{Significand: 1 << 63, Exponent: 5}, false},
		{inspect.Float80{Significand: 1 << 63, Exponent: 0x8005}, inspect.Float80{Significand: 1 << 63, Exponent: 5}, false},
	} {
		a, b := inspect.Registers{}, inspect.Registers{}
		a.X87.ST[1], b.X87.ST[1] = c.a, c.b
		if got := Equal(&a, &b, &Mask{Rounding: true}); got != c.want {
			t.Errorf("%v, %v: equal %v", c.a, c.b, got)
		}
	}
}
