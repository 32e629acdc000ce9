package emu

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"goemu/bios"
)

// maxTableFile bounds a file of a table, in bytes: all tables have to fit below 1 MiB.
const maxTableFile = 64 << 10

// readTable reads a file of a table of the user's.
func readTable(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxTableFile {
		return nil, fmt.Errorf("%s: want a plain file of at most %d KiB", path, maxTableFile>>10)
	}
	return os.ReadFile(path)
}

// ParseUUID reads a UUID: 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12.
func ParseUUID(s string) (u [16]byte, err error) {
	digits := strings.ReplaceAll(s, "-", "")
	p, err := hex.DecodeString(digits)
	if err != nil || len(p) != len(u) || len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return u, fmt.Errorf("%q is not a UUID (8-4-4-4-12 hexadecimal digits)", s)
	}
	return [16]byte(p), nil
}

// smbios reads Config.UUID and Config.SMBIOS.
func (c *Config) smbios() (x bios.SMBIOS, err error) {
	if c.UUID != "" {
		if x.UUID, err = ParseUUID(c.UUID); err != nil {
			return x, fmt.Errorf("-uuid: %w", err)
		}
	}
	x.Texts = map[int]map[string]string{}
	for _, s := range c.SMBIOS {
		if err := addSMBIOS(&x, s); err != nil {
			return x, fmt.Errorf("-smbios %s: %w", s, err)
		}
	}
	return x, nil
}

// addSMBIOS takes one -smbios.
func addSMBIOS(x *bios.SMBIOS, s string) error {
	props, values, err := smbiosProps(s)
	if err != nil {
		return err
	}
	if file, ok := props["file"]; ok {
		if len(props) != 1 || values != nil {
			return errors.New("file= stands alone")
		}
		p, err := readTable(file)
		if err == nil {
			err = checkStructure(p)
		}
		if err != nil {
			return fmt.Errorf("file=%s: %w", file, err)
		}
		x.Extra = append(x.Extra, p)
		return nil
	}
	kind, err := strconv.Atoi(props["type"])
	if err != nil {
		return errors.New("type= or file= is missing")
	}
	delete(props, "type")
	if kind == 11 {
		if len(props) > 0 || values == nil {
			return errors.New("type=11: want value=TEXT or path=FILE")
		}
		if x.OEM = append(x.OEM, values...); len(x.OEM) > 255 {
			return errors.New("type=11: more than 255 strings")
		}
		return nil
	}
	known := bios.SMBIOSFields[kind]
	if known == nil {
		return fmt.Errorf("type=%d: want 0, 1, 2, 3, 4, 11 or 17", kind)
	}
	if x.Texts[kind] == nil {
		x.Texts[kind] = map[string]string{}
	}
	for k, v := range props {
		switch {
		case kind == 1 && k == "uuid":
			if x.UUID, err = ParseUUID(v); err != nil {
				return fmt.Errorf("uuid=%s: %w", v, err)
			}
			continue
		case !slices.Contains(known, k):
			return fmt.Errorf("type=%d has no %s= (want %s)", kind, k, strings.Join(known, ", "))
		case strings.HasSuffix(k, "speed"):
			if _, err := strconv.ParseUint(v, 10, 16); err != nil {
				return fmt.Errorf("%s=%s: want a number up to 65535", k, v)
			}
		case k == "release":
			major, minor, _ := strings.Cut(v, ".")
			_, err := strconv.ParseUint(major, 10, 8)
			_, err2 := strconv.ParseUint(minor, 10, 8)
			if err != nil || err2 != nil {
				return fmt.Errorf("release=%s: want two numbers up to 255, with a point between them", v)
			}
		}
		if strings.ContainsRune(v, 0) {
			return fmt.Errorf("%s=%q: a zero byte ends a string", k, v)
		}
		x.Texts[kind][k] = v
	}
	return nil
}

// smbiosProps splits a -smbios, in which value= and path= may be there several times.
func smbiosProps(s string) (props map[string]string, values []string, err error) {
	const comma = "\x00"
	if strings.Contains(s, comma) {
		return nil, nil, errors.New("a zero byte ends a string")
	}
	var rest []string
	for _, p := range strings.Split(strings.ReplaceAll(s, ",,", comma), ",") {
		k, v, _ := strings.Cut(strings.ReplaceAll(p, comma, ","), "=")
		switch k {
		case "value":
			values = append(values, v)
		case "path":
			data, err := readTable(v)
			if err != nil {
				return nil, nil, err
			}
			if text := string(data); text == "" || strings.ContainsRune(text, 0) {
				return nil, nil, fmt.Errorf("path=%s: want a text that is not empty", v)
			}
			values = append(values, string(data))
		default:
			rest = append(rest, strings.ReplaceAll(p, comma, ",,"))
		}
	}
	if slices.Contains(values, "") {
		return nil, nil, errors.New("value= is empty")
	}
	props = map[string]string{}
	return props, values, ParseProps("properties", strings.Join(rest, ","), props)
}

// checkStructure tells whether p is one SMBIOS structure: header, fields, strings that a double zero ends.
func checkStructure(p []byte) error {
	if len(p) < 6 || int(p[1]) < 4 || int(p[1])+2 > len(p) {
		return errors.New("it is not an SMBIOS structure: too short")
	}
	end := int(p[1])
	for end+1 < len(p) && (p[end] != 0 || p[end+1] != 0) {
		end++
	}
	if end+2 != len(p) {
		return errors.New("it is not one SMBIOS structure: two zero bytes end its strings, and nothing follows")
	}
	return nil
}

// acpiTables reads Config.ACPITables.
func (c *Config) acpiTables() (tables [][]byte, err error) {
	for _, s := range c.ACPITables {
		t, err := parseACPITable(s)
		if err != nil {
			return nil, fmt.Errorf("-acpitable %s: %w", s, err)
		}
		tables = append(tables, t)
	}
	return tables, nil
}

// parseACPITable reads "sig=...,data=FILE[:FILE...]" or "file=FILE[:FILE...]", whose contents have a header.
func parseACPITable(s string) ([]byte, error) {
	props := map[string]string{}
	if err := ParseProps("properties", s, props); err != nil {
		return nil, err
	}
	var h bios.ACPIHeader
	var files string
	var hasHeader bool
	number := func(k, v string, bits int) (uint32, error) {
		n, err := strconv.ParseUint(v, 0, bits)
		if err != nil {
			return 0, fmt.Errorf("%s=%s: want a number of %d bits", k, v, bits)
		}
		return uint32(n), nil
	}
	for k, v := range props {
		var err error
		var n uint32
		switch k {
		case "sig":
			h.Signature = v
		case "oem_id":
			h.OEMID = v
		case "oem_table_id":
			h.OEMTableID = v
		case "asl_compiler_id":
			h.CreatorID = v
		case "rev":
			n, err = number(k, v, 8)
			rev := uint8(n)
			h.Revision = &rev
		case "oem_rev":
			n, err = number(k, v, 32)
			h.OEMRevision = &n
		case "asl_compiler_rev":
			n, err = number(k, v, 32)
			h.CreatorRevision = &n
		case "data", "file":
			if files != "" {
				err = errors.New("data= and file= cannot be given together")
			}
			files, hasHeader = v, k == "file"
		default:
			err = fmt.Errorf("%s= is not known (want sig, rev, oem_id, oem_table_id, oem_rev, asl_compiler_id, asl_compiler_rev, data, file)", k)
		}
		if err != nil {
			return nil, err
		}
	}
	if files == "" {
		return nil, errors.New("data=FILE or file=FILE is missing")
	}
	var contents []byte
	for _, f := range strings.Split(files, ":") {
		p, err := readTable(f)
		if err != nil {
			return nil, err
		}
		contents = append(contents, p...)
	}
	if len(contents) > maxTableFile {
		return nil, fmt.Errorf("%d bytes: want at most %d KiB", len(contents), maxTableFile>>10)
	}
	return bios.NewACPITable(h, contents, hasHeader)
}
