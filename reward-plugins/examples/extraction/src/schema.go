package plugin

import (
	"encoding/json"
	"fmt"
	"sort"
)

// Field is what a schema says about a field.
type Field struct {
	// text, exact, number, money, date, boolean, object or list; without it, what the reference's value looks like.
	Type string `json:"type"`
	// How much the field counts; 1 where absent. That of an object or a list multiplies those inside.
	Weight *float64 `json:"weight"`
	// The part that the field is counted in; else that of the field it stands in, else the field's own name.
	Group string `json:"group"`
	// How far a number or an amount may be off: relative to the reference, and absolutely. The larger one counts.
	Relative float64 `json:"relative"`
	Absolute float64 `json:"absolute"`
	// dmy or mdy: how a date such as 03/04/2024 is read.
	Order string `json:"order"`
	// Fields of an object, or of each item of a list of objects.
	Fields map[string]*Field `json:"fields"`
	// What the items of a list are, where they are no objects.
	Items *Field `json:"items"`
}

const maxDepth = 16

// Checks a field and those inside, and fills in what is left out.
func (field *Field) complete(name string, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%s: fields stand more than %d deep", name, maxDepth)
	}
	switch field.Type {
	case "text", "exact", "number", "money", "date", "boolean", "object", "list", "":
	default:
		return fmt.Errorf("%s: there is no type `%s`", name, field.Type)
	}
	if field.Order != "" && field.Order != "dmy" && field.Order != "mdy" {
		return fmt.Errorf("%s: `order` must be dmy or mdy", name)
	}
	if field.weight() < 0 || field.Relative < 0 || field.Absolute < 0 {
		return fmt.Errorf("%s: `weight`, `relative` and `absolute` must not be negative", name)
	}
	if field.Type == "list" && field.Items == nil {
		field.Items = &Field{Fields: field.Fields}
	}
	for inner, of := range field.Fields {
		if of == nil {
			return fmt.Errorf("%s: `%s` must be an object", name, inner)
		}
		if err := of.complete(name+"."+inner, depth+1); err != nil {
			return err
		}
	}
	if field.Items != nil {
		return field.Items.complete(name+"[]", depth+1)
	}
	return nil
}

func (field *Field) weight() float64 {
	if field.Weight == nil {
		return 1
	}
	return *field.Weight
}

// The field of an object's member; one that the schema does not name is like its value.
func (field *Field) member(name string) *Field {
	if of := field.Fields[name]; of != nil {
		return of
	}
	return &Field{}
}

// What the items of a list are.
func (field *Field) item() *Field {
	if field.Items != nil {
		return field.Items
	}
	return &Field{Fields: field.Fields}
}

// The type of a field whose reference has this value.
func (field *Field) typeFor(reference any) string {
	if field.Type != "" {
		return field.Type
	}
	switch reference.(type) {
	case map[string]any:
		return "object"
	case []any:
		return "list"
	case json.Number:
		return "number"
	case bool:
		return "boolean"
	}
	return "text"
}

func sortedKeys[T any](of map[string]T) []string {
	keys := make([]string, 0, len(of))
	for key := range of {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
