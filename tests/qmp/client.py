"""A QMP client as people write them: JSON, a line each, over a Unix socket. It prints what it sees; the test compares."""
import json
import socket
import sys

sock = socket.socket(socket.AF_UNIX)
sock.connect(sys.argv[1])
stream = sock.makefile("rw", encoding="utf-8", newline="\n")
events = []


def receive():
    line = stream.readline()
    if not line:
        sys.exit("the connection has ended")
    return json.loads(line)


def execute(command, **arguments):
    stream.write(json.dumps({"execute": command, "arguments": arguments, "id": command}) + "\n")
    stream.flush()
    while True:
        message = receive()
        if "event" not in message:
            assert message["id"] == command, message
            return message["return"] if "return" in message else message["error"]
        events.append(message["event"])


def wait(event):
    while event not in events:
        events.append(receive()["event"])


greeting = receive()["QMP"]
print("version", greeting["version"]["qemu"]["major"] >= 7, greeting["version"]["package"].split()[0])
execute("qmp_capabilities")
print("status", execute("query-status")["status"])
execute("cont")
wait("RESUME")
execute("stop")
wait("STOP")
print("status", execute("query-status")["status"])
known = {c["name"] for c in execute("query-commands")}
schema = execute("query-qmp-schema")
described = {e["name"] for e in schema if e["meta-type"] == "command"}
print("commands", len(known) > 40, known == described)
types = {e["name"] for e in schema}
for entry in schema:
    for name in [m["type"] for m in entry.get("members", []) if "type" in m] + [entry[k] for k in ("arg-type", "ret-type", "element-type") if k in entry]:
        assert name in types, (entry, name)
# A query answers with the members that the schema says.
by_name = {e["name"]: e for e in schema}
for name in sorted(known):
    if not name.startswith("query-") or name == "query-qmp-schema" or by_name[by_name[name]["arg-type"]].get("members"):
        continue
    result = execute(name)
    kind = by_name[by_name[name]["ret-type"]]
    if kind["meta-type"] == "array":
        kind, result = by_name[kind["element-type"]], result[0] if result else None
    if result is not None and kind["meta-type"] == "object":
        names = {m["name"] for m in kind["members"]}
        needed = {m["name"] for m in kind["members"] if "default" not in m}
        assert needed <= set(result) <= names, (name, result)
print("kvm", execute("query-kvm")["enabled"], execute("query-accelerators")["enabled"])
print("hmp", repr(execute("human-monitor-command", **{"command-line": "info status"})))
print("error", execute("eject", device="\u6c34")["class"], execute("frobnicate")["class"])
execute("set-action", shutdown="pause", panic="none")
execute("dump-guest-memory", paging=False, protocol="file:" + sys.argv[2])
with open(sys.argv[2], "rb") as dump:
    print("dump", dump.read(4))
execute("quit")
wait("SHUTDOWN")
print("events", sorted(set(events)))
