package engines

import (
	"testing"

	"goemu/decoder"
	"goemu/emu/cpumodel"
)

// undefined are the instructions that exist to raise #UD, or do so here in every mode that a sample can have.
var undefined = map[decoder.Op]bool{decoder.UD0: true, decoder.UD1: true, decoder.UD2: true, decoder.RSM: true}

// Every row that the widest CPU model has is executed by both engines. The others are listed with -v: op, encoding, feature.
func TestModelsRowsAreExecuted(t *testing.T) {
	model, _, ok := cpumodel.New("max")
	if !ok {
		t.Fatal("no model")
	}
	gates := model.Gates()
	done, missing := 0, 0
	for _, r := range Rows() {
		switch has := gates.Runs(r.Row); {
		case undefined[r.Op]:
		case has && (r.Native == Nothing || r.Interp == Nothing):
			t.Errorf("%v %q %q (%v): native engine: %v, interpreter: %v", r.Op, r.Enc, r.Args, r.Feature, r.Native, r.Interp)
		case r.Native == Nothing || r.Interp == Nothing:
			missing++
			t.Logf("%v %q %q (%v): native engine: %v, interpreter: %v", r.Op, r.Enc, r.Args, r.Feature, r.Native, r.Interp)
		default:
			done++
		}
	}
	t.Logf("%d rows executed, %d rows that no model claims are not", done, missing)
}
