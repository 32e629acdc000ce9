package tour
import ("testing";"os";"time")
func TestDump(t *testing.T){ s:=time.Now(); p,err:=ROM(); t.Log(time.Since(s)); if err!=nil{t.Fatal(err)}; os.WriteFile("/tmp/tour.rom",p,0o644)}
