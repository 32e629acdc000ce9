package cpumodel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// qemuDiffers lists what QEMU's definitions have differently, by model: features that only QEMU's has, and those that only goemu's has.
var qemuDiffers = map[string]struct{ more, less string }{
	"athlon": {more: "sse sse2", less: "syscall"}, // that came with the Athlon XP and 64; AMD's processors have SYSCALL since the K6
}

// qemuProperties asks QEMU for all properties of models.
func qemuProperties(t *testing.T, names []string) map[string]map[string]any {
	t.Helper()
	in := `{"execute":"qmp_capabilities"}`
	for _, n := range names {
		in += fmt.Sprintf(`{"execute":"query-cpu-model-expansion","arguments":{"type":"full","model":{"name":%q}},"id":%q}`, n, n)
	}
	in += `{"execute":"quit"}`
	cmd := exec.Command("qemu-system-x86_64", "-accel", "tcg", "-M", "pc", "-nodefaults", "-display", "none", "-S", "-qmp", "stdio")
	cmd.Stdin = strings.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	props := map[string]map[string]any{}
	d := json.NewDecoder(bytes.NewReader(out))
	for d.More() {
		var r struct {
			ID     string `json:"id"`
			Return struct {
				Model struct {
					Props map[string]any `json:"props"`
				} `json:"model"`
			} `json:"return"`
		}
		if err := d.Decode(&r); err != nil {
			t.Fatal(err)
		}
		if r.ID != "" {
			props[r.ID] = r.Return.Model.Props
		}
	}
	return props
}

// Models are those that QEMU has by the same names: identification, levels, and all features that QEMU knows of, done or not.
func TestModelsAgainstQEMU(t *testing.T) {
	var names []string
	for _, d := range definitions {
		switch {
		case d.name == "max", d.name == "host", d.name == "386", strings.HasPrefix(d.name, "x86-64-"):
		default:
			names = append(names, d.name)
		}
	}
	props := qemuProperties(t, names)
	compared := 0
	for _, name := range names {
		p := props[name]
		if p == nil {
			t.Errorf("QEMU has no %s", name)
			continue
		}
		d, want, _ := define(name)
		for prop, v := range map[string]any{
			"vendor": d.vendor, "family": float64(d.family), "model": float64(d.model), "stepping": float64(d.stepping),
			"level": float64(d.level), "xlevel": float64(d.xlevel),
		} {
			if p[prop] != v {
				t.Errorf("%s: %s %v, QEMU has %v", name, prop, v, p[prop])
			}
			compared++
		}
		var has Set
		for i := range features {
			f := &features[i]
			v, known := p[f.Name].(bool)
			if !known || f.Feature == Hypervisor || f.Feature == VME { // QEMU's TCG takes VME away
				want.Put(f.Feature, false)
				continue
			}
			has.Put(f.Feature, v)
			compared++
		}
		x := qemuDiffers[name]
		if more := has.without(want); more != setOf(x.more) {
			t.Errorf("%s: only QEMU's has %v", name, more)
		}
		if less := want.without(has); less != setOf(x.less) {
			t.Errorf("%s: QEMU's lacks %v", name, less)
		}
	}
	t.Logf("%d properties of %d models", compared, len(names))
}

// QEMU knows every feature by the name that it has here, but for those that came after the version in use.
func TestFeatureNamesAgainstQEMU(t *testing.T) {
	newer := setOf("zero-fcs-fds fdp-excptn-only monitorx avx-ifma")
	p := qemuProperties(t, []string{"max"})["max"]
	for i := range features {
		f := &features[i]
		if _, ok := p[f.Name].(bool); !ok && !newer.Has(f.Feature) {
			t.Errorf("QEMU knows no %s", f.Name)
		}
	}
}
