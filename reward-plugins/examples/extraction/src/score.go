// Package plugin compares fields that were extracted from a document with the reference; README.md has the formula.
package plugin

import (
	"encoding/json"
	"strings"
)

var description = Description{
	// Besides `valid`, parts are named by the groups of the schema.
	Params: []ParamInfo{
		{Name: "schema", Doc: "Types of the fields, as JSON in a text; a column `schema` of the data goes first.", Default: `""`},
		{Name: "text_threshold", Doc: "Texts less similar than this count as different, from 0 to 1.", Default: "0.5"},
	},
}

// Responses longer than this are not read.
const maxResponse = 256 << 10

func score(sample *Sample) (Verdict, error) {
	threshold, err := Param(sample, "text_threshold", 0.5)
	if err != nil {
		return Verdict{}, err
	}
	if threshold < 0 || threshold > 1 {
		return Verdict{}, Internal("the parameter `text_threshold` must be from 0 to 1")
	}
	reference, err := referenceOf(sample)
	if err != nil {
		return Verdict{}, err
	}
	schema, err := schemaOf(sample)
	if err != nil {
		return Verdict{}, err
	}
	if schema == nil {
		schema = &Field{Type: "object"}
	}
	c := comparison{threshold: threshold, groups: map[string]*tally{}, steps: maxSteps, folded: map[string][]rune{}}
	if err := c.check(schema, reference, "the reference answer"); err != nil {
		return Verdict{}, err
	}
	found, valid := lastObject(LastText(sample))
	if !valid {
		found = map[string]any{}
	}
	total := c.object(schema, reference, found, "", 1)
	parts := []Part{{"valid", 0}}
	if valid {
		parts[0].Value = 1
	}
	for _, name := range sortedKeys(c.groups) {
		parts = append(parts, Part{"field/" + name, c.groups[name].f1()})
	}
	if !valid {
		return Verdict{Parts: parts}, nil
	}
	return Verdict{Total: total.f1(), Parts: parts}, nil
}

func referenceOf(sample *Sample) (map[string]any, error) {
	var reference map[string]any
	text := sample.Answer
	if strings.HasPrefix(strings.TrimSpace(text), `"`) {
		// Some data keeps JSON in a text.
		text = Text(text)
	}
	if err := decode(text, &reference); err != nil || reference == nil {
		return nil, InvalidReference("the reference answer is no JSON object")
	}
	return reference, nil
}

// The schema of the row, else of the parameters, else nil.
func schemaOf(sample *Sample) (*Field, error) {
	text, ofRow := Member(sample.Columns, "schema")
	fault := InvalidReference
	if !ofRow {
		given, err := Param(sample, "schema", "")
		if err != nil || given == "" {
			return nil, err
		}
		text, fault = given, Internal
	} else if text[0] == '"' {
		text = Text(text)
	}
	var fields map[string]*Field
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&fields); err != nil {
		return nil, fault("the schema can't be read: %v", err)
	}
	schema := &Field{Type: "object", Fields: fields}
	if err := schema.complete("schema", 0); err != nil {
		return nil, fault("%v", err)
	}
	return schema, nil
}

func decode(text string, value any) error {
	decoder := json.NewDecoder(strings.NewReader(text))
	// As they are written: 0.10 stays 0.10.
	decoder.UseNumber()
	return decoder.Decode(value)
}

// The last JSON object in a text that stands in no other: what a model writes last is what it answers.
func lastObject(text string) (map[string]any, bool) {
	if len(text) > maxResponse {
		return nil, false
	}
	var last map[string]any
	// An opening brace that opens no object costs a try.
	for tries := 32; tries > 0; tries-- {
		start := strings.IndexByte(text, '{')
		if start < 0 {
			break
		}
		text = text[start:]
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		var object map[string]any
		if isShallow(text) && decoder.Decode(&object) == nil {
			last = object
			text = text[decoder.InputOffset():]
			tries++
		} else {
			text = text[1:]
		}
	}
	return last, last != nil
}

// Whether the object that a text begins with stays within maxDepth: reading one that is deeper takes stack.
func isShallow(text string) bool {
	depth := 0
	quoted := false
	for at := 0; at < len(text); at++ {
		switch letter := text[at]; {
		case quoted && letter == '\\':
			at++
		case letter == '"':
			quoted = !quoted
		case quoted:
		case letter == '{' || letter == '[':
			depth++
			if depth > maxDepth {
				return false
			}
		case letter == '}' || letter == ']':
			depth--
			if depth == 0 {
				return true
			}
		}
	}
	return true
}
