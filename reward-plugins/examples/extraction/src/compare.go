package plugin

import "strings"

// Weights that agree, that the reference has and that the response has.
type tally struct {
	agreed, expected, given float64
}

func (t *tally) add(other tally) {
	t.agreed += other.agreed
	t.expected += other.expected
	t.given += other.given
}

// The weighted F1: 2 · agreed / (expected + given). Where there is nothing to find and nothing was found, 1.
func (t tally) f1() float64 {
	if t.expected+t.given == 0 {
		return 1
	}
	return 2 * t.agreed / (t.expected + t.given)
}

type comparison struct {
	threshold float64
	groups    map[string]*tally
	// Inside of a list tries are made that must not be counted.
	trying bool
	// Steps of edit distances that are left.
	steps int
	// Texts that were folded already.
	folded map[string][]rune
}

// Items of a list that are matched; what comes later counts as not matched.
const maxItems = 64

// A missing value, null, an empty text, object or list are all the same: nothing.
func isNothing(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case string:
		return strings.TrimFunc(value, isEdge) == ""
	case map[string]any:
		return len(value) == 0
	case []any:
		return len(value) == 0
	}
	return false
}

func (c *comparison) value(field *Field, reference, found any, group string, weight float64) tally {
	weight *= field.weight()
	if field.Group != "" {
		group = field.Group
	}
	kind := field.typeFor(reference)
	if field.Type == "" && isNothing(reference) {
		kind = field.typeFor(found)
	}
	switch kind {
	case "object":
		expected, _ := reference.(map[string]any)
		if given, ok := found.(map[string]any); ok || isNothing(found) {
			return c.object(field, expected, given, group, weight)
		}
		return c.apart(c.object(field, expected, nil, group, weight), group, weight)
	case "list":
		expected, _ := reference.([]any)
		if given, ok := found.([]any); ok || isNothing(found) {
			return c.list(field.item(), expected, given, group, weight)
		}
		return c.apart(c.list(field.item(), expected, nil, group, weight), group, weight)
	}
	leaf := tally{}
	if !isNothing(reference) {
		leaf.expected = weight
	}
	if !isNothing(found) {
		// What stands where a single value belongs counts once, whatever it is.
		leaf.given = weight
	}
	if leaf.expected > 0 && leaf.given > 0 {
		leaf.agreed = weight * c.similarity(field, kind, reference, found)
	}
	c.count(group, leaf)
	return leaf
}

// Adds a single value that was given in the place of something larger.
func (c *comparison) apart(rest tally, group string, weight float64) tally {
	extra := tally{given: weight}
	c.count(group, extra)
	rest.add(extra)
	return rest
}

func (c *comparison) count(group string, leaf tally) {
	if c.trying {
		return
	}
	if c.groups[group] == nil {
		c.groups[group] = &tally{}
	}
	c.groups[group].add(leaf)
}

func (c *comparison) object(field *Field, reference, found map[string]any, group string, weight float64) tally {
	names := map[string]bool{}
	for name := range reference {
		names[name] = true
	}
	for name := range found {
		names[name] = true
	}
	total := tally{}
	// In order: sums of floating-point numbers depend on it.
	for _, name := range sortedKeys(names) {
		in := group
		if in == "" {
			in = name
			if _, known := field.Fields[name]; !known && reference[name] == nil {
				in = "other"
			}
		}
		total.add(c.value(field.member(name), reference[name], found[name], in, weight))
	}
	return total
}

// Items in any order: those are paired that together agree the most.
func (c *comparison) list(item *Field, reference, found []any, group string, weight float64) tally {
	rows, columns := min(len(reference), maxItems), min(len(found), maxItems)
	gains := make([][]float64, rows)
	trying := c.trying
	c.trying = true
	for i := range gains {
		gains[i] = make([]float64, columns)
		for j := range gains[i] {
			gains[i][j] = c.value(item, reference[i], found[j], group, weight).agreed
		}
	}
	c.trying = trying
	pairs := assignment(gains, rows, columns)
	taken := make([]bool, len(found))
	total := tally{}
	for i, expected := range reference {
		var given any
		if i < rows && pairs[i] >= 0 && gains[i][pairs[i]] > 0 {
			given = found[pairs[i]]
			taken[pairs[i]] = true
		}
		total.add(c.value(item, expected, given, group, weight))
	}
	for j, given := range found {
		if !taken[j] {
			total.add(c.value(item, nil, given, group, weight))
		}
	}
	return total
}

// Whether the reference's values are of the schema's types.
func (c *comparison) check(field *Field, reference any, where string) error {
	if isNothing(reference) {
		return nil
	}
	kind := field.typeFor(reference)
	switch kind {
	case "object":
		object, ok := reference.(map[string]any)
		if !ok {
			return InvalidReference("%s: not an object", where)
		}
		for _, name := range sortedKeys(object) {
			if err := c.check(field.member(name), object[name], where+"."+name); err != nil {
				return err
			}
		}
	case "list":
		list, ok := reference.([]any)
		if !ok {
			return InvalidReference("%s: not a list", where)
		}
		for _, item := range list {
			if err := c.check(field.item(), item, where+"[]"); err != nil {
				return err
			}
		}
	default:
		if !isOfType(field, kind, reference) {
			return InvalidReference("%s: can't be read as `%s`", where, kind)
		}
	}
	return nil
}
