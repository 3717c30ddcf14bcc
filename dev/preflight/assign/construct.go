package assign

import "strconv"

// construct returns the mapping, list or text that a call makes of its arguments.
func (e *evaluation) construct(f, owner value, a arguments, at int) (value, bool) {
	switch f.name {
	case "dict", "OrderedDict", "ChainMap", "MappingProxyType", "defaultdict":
		v := value{uncertain: true}.withMapping(a.spread)
		for _, arg := range a.list {
			v = v.withMapping(arg)
			v.items = append(v.items, arg.items...)
		}
		for _, en := range a.spread.entries {
			e.noteEntry(en.key, en.value, en.line)
		}
		return v, true
	case "items", "copy", "values", "keys", "list", "tuple", "set", "sorted", "iter", "reversed", "deepcopy":
		v := owner
		for _, arg := range a.list {
			v = v.union(arg)
		}
		return v, true
	case "zip":
		return zip(a.list), true
	case "enumerate":
		return a.at(0).mapItems(func(item value) value { return value{items: []value{{uncertain: true}, item}} }), true
	case "fromkeys":
		out := value{uncertain: true}
		for _, item := range a.at(0).items {
			out = out.withEntries(entry{item, a.at(1), at})
		}
		return out, true
	case "chr":
		return character(a.at(0)), true
	case "map":
		if a.at(0).name == "chr" {
			return a.at(1).mapItems(character), true
		}
	case "vars", "Template":
		return a.at(0), true
	case "substitute", "safe_substitute":
		return owner.format(nil, a.named), true
	case "str", "bytes", "fsencode", "fsdecode", "intern":
		return a.at(0), true
	case "format":
		if len(owner.texts) > 0 {
			return owner.format(a.list, a.named), true
		}
	}
	return value{}, false
}

// mapItems returns a list with each item changed.
func (v value) mapItems(how func(value) value) value {
	out := value{}
	for _, item := range v.items {
		out.items = append(out.items, how(item))
	}
	return out
}

// character is the result of chr.
func character(v value) value {
	return v.mapTexts(func(s string) string {
		n, err := strconv.ParseUint(s, 0, 21)
		if err != nil {
			return ""
		}
		return string(rune(n))
	})
}

func zip(lists []value) value {
	if len(lists) != 2 {
		return unknown(lists...)
	}
	out := value{}
	for i := range min(len(lists[0].items), len(lists[1].items)) {
		out.items = append(out.items, value{items: []value{lists[0].items[i], lists[1].items[i]}})
	}
	return out
}
