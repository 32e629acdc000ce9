package qmp

import (
	"slices"
	"strconv"
	"strings"
)

// words are what errors call the types of JSON.
var words = map[string]string{"str": "string", "int": "integer", "size": "integer", "number": "number", "bool": "boolean", "null": "null"}

// check says what is wrong with a value of a type; name is the parameter's.
func check(name, typ string, v any) error {
	if elem, ok := strings.CutPrefix(typ, "["); ok {
		list, ok := v.([]any)
		if !ok {
			return wrongType(name, "array")
		}
		for i, e := range list {
			if err := check(name+"["+strconv.Itoa(i)+"]", strings.TrimSuffix(elem, "]"), e); err != nil {
				return err
			}
		}
		return nil
	}
	if o, ok := objects[typ]; ok {
		members, ok := v.(object)
		if !ok {
			return wrongType(name, "object")
		}
		return checkObject(name, &o, members)
	}
	if values, ok := enums[typ]; ok {
		s, ok := v.(string)
		if !ok {
			return wrongType(name, "string")
		}
		if !slices.Contains(values, s) {
			return Errorf("Parameter '%s' does not accept value '%s'", name, s)
		}
		return nil
	}
	good := true
	switch typ {
	case "str":
		_, good = v.(string)
	case "bool":
		_, good = v.(bool)
	case "int":
		_, good = v.(int64)
	case "size":
		n, isInt := v.(int64)
		_, isUint := v.(uint64)
		good = isInt && n >= 0 || isUint
	case "number":
		switch v.(type) {
		case int64, uint64, float64:
		default:
			good = false
		}
	case "null":
		good = v == nil
	}
	if !good {
		return wrongType(name, words[typ])
	}
	return nil
}

func wrongType(name, want string) error {
	return Errorf("Invalid parameter type for '%s', expected: %s", name, want)
}

// checkObject says what is wrong with the members of an object; name is "" for a command's arguments.
func checkObject(name string, o *objectType, members object) error {
	prefix := ""
	if name != "" {
		prefix = name + "."
	}
	known := o.members
	err := checkMembers(prefix, known, members)
	if err == nil && o.tag != "" {
		tag, _ := members.get(o.tag).(string)
		if more, ok := objects[o.variants[tag]]; ok {
			known = append(known[:len(known):len(known)], more.members...)
			err = checkMembers(prefix, more.members, members)
		}
	}
	if err != nil {
		return err
	}
	for _, f := range members {
		if !slices.ContainsFunc(known, func(m member) bool { return m.name == f.name }) {
			return Errorf("Parameter '%s' is unexpected", prefix+f.name)
		}
	}
	return nil
}

func checkMembers(prefix string, want []member, members object) error {
	for _, m := range want {
		i := slices.IndexFunc(members, func(f field) bool { return f.name == m.name })
		switch {
		case i >= 0:
			if err := check(prefix+m.name, m.typ, members[i].value); err != nil {
				return err
			}
		case !m.optional:
			return Errorf("Parameter '%s' is missing", prefix+m.name)
		}
	}
	return nil
}
