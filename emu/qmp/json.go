package qmp

import (
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// field is a member of an object.
type field struct {
	name  string
	value any
}

// object is a JSON object whose members have an order.
type object []field

// get gives a member of o, nil if there is none.
func (o object) get(name string) any {
	for _, f := range o {
		if f.name == name {
			return f.value
		}
	}
	return nil
}

// appendJSON appends a value as QEMU writes it: in ASCII, with a blank behind each comma and colon.
func appendJSON(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case uint64:
		return strconv.AppendUint(b, v, 10)
	case float64:
		p, err := json.Marshal(v)
		if err != nil { // infinite: a number too large to be written in JSON
			return append(b, "null"...)
		}
		return append(b, p...)
	case string:
		return appendString(b, v)
	case object:
		b = append(b, '{')
		for i, f := range v {
			b = appendMember(b, i, f.name, f.value)
		}
		return append(b, '}')
	case map[string]any:
		names := make([]string, 0, len(v))
		for n := range v {
			names = append(names, n)
		}
		sort.Strings(names)
		b = append(b, '{')
		for i, n := range names {
			b = appendMember(b, i, n, v[n])
		}
		return append(b, '}')
	case []object:
		return appendList(b, v)
	case []any:
		return appendList(b, v)
	case []string:
		return appendList(b, v)
	}
	return appendString(b, fmt.Sprint(v))
}

func appendMember(b []byte, i int, name string, v any) []byte {
	if i > 0 {
		b = append(b, ", "...)
	}
	return appendJSON(append(appendString(b, name), ": "...), v)
}

func appendList[T any](b []byte, list []T) []byte {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = appendJSON(b, v)
	}
	return append(b, ']')
}

func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r == 0: // many clients' strings end there
			b = append(b, `\uFFFD`...)
		case r < ' ' || r >= 0x7f && r < 0x10000:
			b = fmt.Appendf(b, `\u%04X`, r)
		case r >= 0x10000:
			hi, lo := utf16.EncodeRune(r)
			b = fmt.Appendf(b, `\u%04X\u%04X`, hi, lo)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}
