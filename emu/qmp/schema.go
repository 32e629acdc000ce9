package qmp

import (
	"maps"
	"slices"
	"strings"
)

// schema is what query-qmp-schema answers: all commands and events, and the types that they reach.
func schema() []object {
	s := &schemaMaker{made: map[string]bool{}}
	for i := range commands {
		c := &commands[i]
		arg := c.name + "-arg"
		s.object(arg, objectType{members: c.args})
		ret := c.ret
		if ret == "" {
			ret = "empty"
		}
		s.add("command", c.name, field{"arg-type", arg}, field{"ret-type", s.ref(ret)})
	}
	for _, name := range slices.Sorted(maps.Keys(events)) {
		typ := events[name]
		if typ == "" {
			typ = "empty"
		}
		s.add("event", name, field{"arg-type", s.ref(typ)})
	}
	return s.list
}

type schemaMaker struct {
	list []object
	made map[string]bool
}

func (s *schemaMaker) add(meta, name string, fields ...field) {
	s.list = append(s.list, append(object{{"name", name}, {"meta-type", meta}}, fields...))
}

// ref describes a type, if it has not been described yet, and gives its name.
func (s *schemaMaker) ref(typ string) string {
	if s.made[typ] {
		return typ
	}
	s.made[typ] = true
	elem, isArray := strings.CutPrefix(typ, "[")
	o, isObject := objects[typ]
	values, isEnum := enums[typ]
	switch {
	case isArray:
		s.add("array", typ, field{"element-type", s.ref(strings.TrimSuffix(elem, "]"))})
	case isObject || typ == "empty":
		s.object(typ, o)
	case isEnum:
		members := []object{}
		for _, v := range values {
			members = append(members, object{{"name", v}})
		}
		s.add("enum", typ, field{"members", members}, field{"values", values})
	default:
		s.add("builtin", typ, field{"json-type", builtins[typ]})
	}
	return typ
}

func (s *schemaMaker) object(name string, o objectType) {
	members := []object{}
	for _, m := range o.members {
		d := object{{"name", m.name}, {"type", s.ref(m.typ)}}
		if m.optional {
			d = append(d, field{"default", nil})
		}
		members = append(members, d)
	}
	fields := []field{{"members", members}}
	if o.tag != "" {
		variants := []object{}
		for _, v := range slices.Sorted(maps.Keys(o.variants)) {
			variants = append(variants, object{{"case", v}, {"type", s.ref(o.variants[v])}})
		}
		fields = append(fields, field{"tag", o.tag}, field{"variants", variants})
	}
	s.add("object", name, fields...)
}
