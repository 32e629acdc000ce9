package qmp

import "goemu/devices/i8042"

// Names of types are those of QAPI: "str", "int", "size", "number", "bool", "any", "null"; "[T]" is a list of T; others stand in objects and enums.

// member is a member of an object type, or an argument of a command.
type member struct {
	name     string
	typ      string
	optional bool
}

// objectType is a type of objects. With a tag, further members follow from its value.
type objectType struct {
	members  []member
	tag      string
	variants map[string]string // value of the tag: object type
}

// need and may make members that are needed and that may be left out.
func need(name, typ string) member { return member{name, typ, false} }
func may(name, typ string) member  { return member{name, typ, true} }

var objects = map[string]objectType{
	"VersionTriple":             {members: []member{need("major", "int"), need("minor", "int"), need("micro", "int")}},
	"VersionInfo":               {members: []member{need("qemu", "VersionTriple"), need("package", "str")}},
	"StatusInfo":                {members: []member{need("running", "bool"), need("singlestep", "bool"), need("status", "RunState")}},
	"NameInfo":                  {members: []member{may("name", "str")}},
	"UuidInfo":                  {members: []member{need("UUID", "str")}},
	"KvmInfo":                   {members: []member{need("enabled", "bool"), need("present", "bool")}},
	"AcceleratorInfo":           {members: []member{need("enabled", "Accelerator"), need("present", "[Accelerator]")}},
	"DumpGuestMemoryCapability": {members: []member{need("formats", "[DumpGuestMemoryFormat]")}},
	"TargetInfo":                {members: []member{need("arch", "SysEmuTarget")}},
	"CommandInfo":               {members: []member{need("name", "str")}},
	"MemoryInfo":                {members: []member{need("base-memory", "size"), may("plugged-memory", "size")}},
	"ChardevInfo":               {members: []member{need("label", "str"), need("filename", "str"), need("frontend-open", "bool")}},
	"CpuInstanceProperties":     {members: []member{may("socket-id", "int"), may("core-id", "int"), may("thread-id", "int")}},
	"CpuInfoFast": {members: []member{need("cpu-index", "int"), need("qom-path", "str"), need("thread-id", "int"), may("props", "CpuInstanceProperties"),
		need("target", "SysEmuTarget")}},
	"CurrentMachineParams": {members: []member{need("wakeup-suspend-support", "bool")}},
	"MachineInfo": {members: []member{need("name", "str"), may("alias", "str"), may("is-default", "bool"), need("cpu-max", "int"),
		need("hotpluggable-cpus", "bool"), need("numa-mem-supported", "bool"), need("deprecated", "bool"), may("default-cpu-type", "str")}},
	"CpuDefinitionInfo": {members: []member{need("name", "str"), need("static", "bool"), need("typename", "str"), need("deprecated", "bool"),
		may("unavailable-features", "[str]")}},
	"VncInfo":        {members: []member{need("enabled", "bool"), may("host", "str"), may("family", "NetworkAddressFamily"), may("service", "str"), may("auth", "str"), may("clients", "[VncClientInfo]")}},
	"VncInfo2":       {members: []member{need("id", "str"), need("server", "[VncServerInfo2]"), need("clients", "[VncClientInfo]"), need("auth", "VncPrimaryAuth")}},
	"VncClientInfo":  {members: []member{need("host", "str"), need("service", "str"), need("family", "NetworkAddressFamily"), need("websocket", "bool")}},
	"VncServerInfo2": {members: []member{need("host", "str"), need("service", "str"), need("family", "NetworkAddressFamily"), need("websocket", "bool"), need("auth", "VncPrimaryAuth")}},
	"TraceEventInfo": {members: []member{need("name", "str"), need("state", "TraceEventState"), need("vcpu", "bool")}},
	"MouseInfo":      {members: []member{need("name", "str"), need("index", "int"), need("current", "bool"), need("absolute", "bool")}},

	"BlockInfo": {members: []member{need("device", "str"), may("qdev", "str"), need("type", "str"), need("removable", "bool"), need("locked", "bool"),
		may("inserted", "BlockDeviceInfo"), may("tray_open", "bool"), may("io-status", "BlockDeviceIoStatus")}},
	"BlockdevCacheInfo": {members: []member{need("writeback", "bool"), need("direct", "bool"), need("no-flush", "bool")}},
	"ImageInfo":         {members: []member{need("filename", "str"), need("format", "str"), need("virtual-size", "size")}},
	"BlockDeviceInfo": {members: []member{need("file", "str"), need("ro", "bool"), need("drv", "str"), need("backing_file_depth", "int"),
		need("encrypted", "bool"), need("detect_zeroes", "str"), need("bps", "int"), need("bps_rd", "int"), need("bps_wr", "int"), need("iops", "int"),
		need("iops_rd", "int"), need("iops_wr", "int"), need("image", "ImageInfo"), need("cache", "BlockdevCacheInfo"), need("write_threshold", "int")}},

	"PciInfo":        {members: []member{need("bus", "int"), need("devices", "[PciDeviceInfo]")}},
	"PciDeviceClass": {members: []member{may("desc", "str"), need("class", "int")}},
	"PciDeviceId":    {members: []member{need("device", "int"), need("vendor", "int"), may("subsystem", "int"), may("subsystem-vendor", "int")}},
	"PciMemoryRegion": {members: []member{need("bar", "int"), need("type", "str"), need("address", "int"), need("size", "int"), may("prefetch", "bool"),
		may("mem_type_64", "bool")}},
	"PciDeviceInfo": {members: []member{need("bus", "int"), need("slot", "int"), need("function", "int"), need("class_info", "PciDeviceClass"),
		need("id", "PciDeviceId"), may("irq", "int"), need("irq_pin", "int"), need("qdev_id", "str"), need("regions", "[PciMemoryRegion]")}},

	"KeyValue":        {members: []member{need("type", "KeyValueKind")}, tag: "type", variants: map[string]string{"number": "IntWrapper", "qcode": "QKeyCodeWrapper"}},
	"IntWrapper":      {members: []member{need("data", "int")}},
	"QKeyCodeWrapper": {members: []member{need("data", "QKeyCode")}},
	"InputEvent": {members: []member{need("type", "InputEventKind")}, tag: "type",
		variants: map[string]string{"key": "InputKeyEventWrapper", "btn": "InputBtnEventWrapper", "rel": "InputMoveEventWrapper"}},
	"InputKeyEventWrapper":  {members: []member{need("data", "InputKeyEvent")}},
	"InputBtnEventWrapper":  {members: []member{need("data", "InputBtnEvent")}},
	"InputMoveEventWrapper": {members: []member{need("data", "InputMoveEvent")}},
	"InputKeyEvent":         {members: []member{need("key", "KeyValue"), need("down", "bool")}},
	"InputBtnEvent":         {members: []member{need("button", "InputButton"), need("down", "bool")}},
	"InputMoveEvent":        {members: []member{need("axis", "InputAxis"), need("value", "int")}},

	"SchemaInfo": {members: []member{need("name", "str"), need("meta-type", "SchemaMetaType")}, tag: "meta-type", variants: map[string]string{
		"builtin": "SchemaInfoBuiltin", "enum": "SchemaInfoEnum", "array": "SchemaInfoArray", "object": "SchemaInfoObject", "command": "SchemaInfoCommand", "event": "SchemaInfoEvent"}},
	"SchemaInfoBuiltin":       {members: []member{need("json-type", "JSONType")}},
	"SchemaInfoEnum":          {members: []member{need("members", "[SchemaInfoEnumMember]"), need("values", "[str]")}},
	"SchemaInfoEnumMember":    {members: []member{need("name", "str")}},
	"SchemaInfoArray":         {members: []member{need("element-type", "str")}},
	"SchemaInfoObject":        {members: []member{need("members", "[SchemaInfoObjectMember]"), may("tag", "str"), may("variants", "[SchemaInfoObjectVariant]")}},
	"SchemaInfoObjectMember":  {members: []member{need("name", "str"), need("type", "str"), may("default", "any")}},
	"SchemaInfoObjectVariant": {members: []member{need("case", "str"), need("type", "str")}},
	"SchemaInfoCommand":       {members: []member{need("arg-type", "str"), need("ret-type", "str"), may("allow-oob", "bool")}},
	"SchemaInfoEvent":         {members: []member{need("arg-type", "str")}},

	"GuestPanickedData": {members: []member{need("action", "GuestPanicAction")}},
	"ShutdownData":      {members: []member{need("guest", "bool"), need("reason", "ShutdownCause")}},
	"TrayMovedData":     {members: []member{need("device", "str"), need("id", "str"), need("tray-open", "bool")}},
	"BlockErrorData": {members: []member{need("device", "str"), need("operation", "IoOperationType"), need("action", "BlockErrorAction"), may("nospace", "bool"),
		need("reason", "str")}},
	"RTCChangeData": {members: []member{need("offset", "int"), need("qom-path", "str")}},
}

var enums = map[string][]string{
	"RunState":             {"debug", "guest-panicked", "internal-error", "io-error", "paused", "prelaunch", "running", "shutdown", "suspended"},
	"SysEmuTarget":         {"x86_64"},
	"QMPCapability":        {},
	"ImageFormat":          {"ppm", "png"},
	"NetworkAddressFamily": {"ipv4", "ipv6", "unix"},
	"VncPrimaryAuth":       {"none", "vnc"},
	"TraceEventState":      {"unavailable", "disabled", "enabled"},
	"DataFormat":           {"utf8", "base64"},
	"BlockDeviceIoStatus":  {"ok", "failed", "nospace"},
	"KeyValueKind":         {"number", "qcode"},
	"QKeyCode":             i8042.KeyNames(),
	"InputEventKind":       {"key", "btn", "rel"},
	"InputButton":          {"left", "middle", "right", "wheel-up", "wheel-down"},
	"InputAxis":            {"x", "y"},
	"SchemaMetaType":       {"builtin", "enum", "array", "object", "command", "event"},
	"JSONType":             {"string", "number", "int", "boolean", "null", "object", "array", "value"},
	"ShutdownCause": {"host-error", "host-qmp-quit", "host-qmp-system-reset", "host-signal", "host-ui", "guest-shutdown", "guest-reset", "guest-panic",
		"subsystem-reset"},
	"GuestPanicAction":           {"pause", "poweroff", "run"},
	"Accelerator":                {"kvm", "tcg", "interp"},
	"DumpGuestMemoryFormat":      {"elf"},
	"RebootAction":               {"reset", "shutdown"},
	"ShutdownAction":             {"poweroff", "pause"},
	"PanicAction":                {"pause", "shutdown", "exit-failure", "none"},
	"IoOperationType":            {"read", "write"},
	"BlockErrorAction":           {"ignore", "report", "stop"},
	"DisplayProtocol":            {"vnc"},
	"SetPasswordAction":          {"keep"},
	"BlockdevChangeReadOnlyMode": {"retain", "read-only", "read-write"},
}

// builtins are the types that JSON has, and what it calls them.
var builtins = map[string]string{"str": "string", "int": "int", "size": "int", "number": "number", "bool": "boolean", "null": "null", "any": "value"}
