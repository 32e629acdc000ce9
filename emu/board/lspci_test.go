package board

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"goemu/devices/pci"
	"goemu/tests/need"
)

// TestLspci has lspci make sense of all configuration spaces, after firmware has set them up: it follows lists of capabilities and decodes them.
func TestLspci(t *testing.T) {
	lspci := need.Program(t, "lspci", "pciutils")
	for _, c := range []struct {
		board Machine
		want  []string
	}{
		{I440FX, []string{
			"00:00.0 0600: 8086:1237 (rev 02)",
			"00:01.0 0601: 8086:7000",
			"00:01.1 0101: 8086:7010 (prog-if 80 [ISA Compatibility mode-only controller, supports bus mastering])",
			"Region 4: I/O ports at c000",
			"00:01.3 0680: 8086:7113 (rev 03)\n\tControl: I/O",
			"Interrupt: pin A routed to IRQ 9",
			"00:03.0 00ff: 1234:11e8",
			"Interrupt: pin A routed to IRQ 11\n\tRegion 0: Memory at feb00000 (32-bit, non-prefetchable)",
			"Capabilities: [40] MSI: Enable- Count=1/1 Maskable- 64bit+",
		}},
		{Q35, []string{
			"00:00.0 0600: 8086:29c0",
			"Capabilities: [e0] Vendor Specific Information",
			"00:1f.0 0601: 8086:2918 (rev 02)",
			"00:1f.2 0106: 8086:2922 (rev 02) (prog-if 01 [AHCI 1.0])",
			"Capabilities: [80] MSI: Enable- Count=1/1 Maskable- 64bit+",
			"Capabilities: [a8] SATA HBA v1.0",
			"00:1f.3 0c05: 8086:2930 (rev 02)",
			"Region 4: I/O ports at 0700",
			"Interrupt: pin A routed to IRQ 11\n\tRegion 0: Memory at fea00000 (32-bit, non-prefetchable)",
		}},
	} {
		b := newBench(t, func(cfg *Config) {
			cfg.Machine = c.board
			cfg.Devices = []string{"edu,addr=3"}
		})
		var dump strings.Builder
		b.pc.PCI.Slots(func(slot, fn uint8, f *pci.Function) {
			fmt.Fprintf(&dump, "00:%02x.%d x\n", slot, fn)
			for reg := 0; reg < 256; reg += 16 {
				fmt.Fprintf(&dump, "%02x: % x\n", reg, f.Config[reg:reg+16])
			}
			fmt.Fprintln(&dump)
		})
		file := filepath.Join(t.TempDir(), "dump")
		if err := os.WriteFile(file, []byte(dump.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(lspci, "-nvvv", "-F", file).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		text := string(out)
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("board %d: lspci does not say %q:\n%s", c.board, want, text)
			}
		}
		for _, bad := range []string{"chain", "!!!", "unknown header", "Unknown"} {
			if strings.Contains(text, bad) {
				t.Errorf("board %d: lspci says %q:\n%s", c.board, bad, text)
			}
		}
	}
}
