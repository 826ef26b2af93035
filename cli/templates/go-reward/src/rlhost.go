package plugin

// What nearly every reward plugin needs, over the bindings that `rlhost plugin build` makes from wit/. Yours to change.
//
// Every call meets a fresh instance: what a variable holds is gone with the call.

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"unicode/utf16"

	wit "go.bytecodealliance.org/pkg/wit/types"
	"rlhost/about"
	types "rlhost/rlhost_plugin_types"
)

// Types of the contract, described in wit/plugin.wit.
type (
	// Sample is one completion to be judged, with all that the data says about it.
	Sample = types.Sample
	// Image is a picture of the prompt, with Width(), Height() and Rgb(): three bytes (red, green, blue) a pixel, row by row.
	Image = types.Image
	// StepReward is a reward of a place in the response.
	StepReward = types.StepReward
	// ParamInfo is a parameter that the plugin understands; its default is JSON.
	ParamInfo = types.ParamInfo
)

// Description is what a plugin says about itself. Name, version and purpose are those of plugin.toml.
type Description struct {
	// Names that verdicts may carry as parts.
	Parts  []string
	Params []ParamInfo
}

// Verdict is a judgement.
type Verdict struct {
	// The whole score.
	Total float64
	// Named parts, for records and curves.
	Parts []Part
	Steps []StepReward
}

// Part is a named part of a verdict.
type Part struct {
	Name  string
	Value float64
}

// Step is a reward of a place in the response, a share of the total: that up to the byte `end` of a turn, counted from 0,
// or of all of the turn where end is negative.
func Step(turn, end int, value float64) StepReward {
	step := StepReward{Turn: uint32(turn), Value: value}
	if end >= 0 {
		step.EndByte = wit.Some(uint64(end))
	}
	return step
}

// A failure of the contract, as an error.
type failure struct {
	types.Failure
	message string
}

func (f failure) Error() string { return f.message }

// InvalidReference is no judgement: the data is at fault.
func InvalidReference(format string, values ...any) error {
	message := fmt.Sprintf(format, values...)
	return failure{types.MakeFailureInvalidReference(message), message}
}

// Abstain is no judgement, through nobody's fault.
func Abstain(format string, values ...any) error {
	message := fmt.Sprintf(format, values...)
	return failure{types.MakeFailureAbstain(message), message}
}

// Internal is no judgement: the plugin is at fault, or its parameters.
func Internal(format string, values ...any) error {
	message := fmt.Sprintf(format, values...)
	return failure{types.MakeFailureInternal(message), message}
}

// LastText is the last turn's text: in a single-turn response, the whole response.
func LastText(sample *Sample) string {
	if len(sample.Response) == 0 {
		return ""
	}
	return sample.Response[len(sample.Response)-1].Text
}

// Groups are the samples of a batch, prompt by prompt.
func Groups(samples []Sample) [][]Sample {
	var groups [][]Sample
	for first := 0; first < len(samples); {
		end := first + 1
		for end < len(samples) && samples[end].Group == samples[first].Group {
			end++
		}
		groups = append(groups, samples[first:end])
		first = end
	}
	return groups
}

// AnswerText is the reference answer: a string as it is, a number or a boolean as JSON writes it.
func AnswerText(sample *Sample) (string, error) {
	answer := strings.TrimSpace(sample.Answer)
	if answer == "" || answer == "null" {
		return "", InvalidReference("there is no reference answer")
	}
	switch answer[0] {
	case '"':
		return Text(answer), nil
	case '{', '[':
		return "", InvalidReference("the reference answer must be a string, a number or a boolean, but it is %s", answer)
	}
	return answer, nil
}

// Param is a parameter, or standard where it is not given. It must be of standard's type.
func Param[T bool | float64 | string](sample *Sample, name string, standard T) (T, error) {
	given, ok := Member(sample.Params, name)
	if !ok {
		return standard, nil
	}
	var value any
	wanted := "true or false"
	switch any(standard).(type) {
	case bool:
		if given == "true" || given == "false" {
			value = given == "true"
		}
	case float64:
		wanted = "a number"
		if number, err := strconv.ParseFloat(given, 64); err == nil {
			value = number
		}
	case string:
		wanted = "a string"
		if given[0] == '"' {
			value = Text(given)
		}
	}
	typed, ok := value.(T)
	if !ok {
		return standard, Internal("the parameter `%s` must be %s, but it is %s", name, wanted, given)
	}
	return typed, nil
}

// JSON. The host passes nothing that is none, so what is read here need not be checked. The package encoding/json does
// more, and its initialisation is half as much work again as all else of a call: import it where you need it.

// Member is a member of a JSON object, as JSON.
func Member(object, name string) (string, bool) {
	rest := strings.TrimLeft(object, space+"{")
	for rest != "" && rest[0] == '"' {
		end := valueEnd(rest)
		key := Text(rest[:end])
		rest = strings.TrimLeft(rest[end:], space+":")
		end = valueEnd(rest)
		if key == name {
			return rest[:end], true
		}
		rest = strings.TrimLeft(rest[end:], space+",")
	}
	return "", false
}

// Text is what a JSON string stands for.
func Text(json string) string {
	json = strings.Trim(json, space)
	json = json[1 : len(json)-1]
	var text strings.Builder
	for {
		at := strings.IndexByte(json, '\\')
		if at < 0 {
			text.WriteString(json)
			return text.String()
		}
		text.WriteString(json[:at])
		escape := json[at+1]
		json = json[at+2:]
		if escape != 'u' {
			if at := strings.IndexByte("bfnrt", escape); at >= 0 {
				escape = "\b\f\n\r\t"[at]
			}
			text.WriteByte(escape)
			continue
		}
		letter := hexadecimal(json[:4])
		json = json[4:]
		if utf16.IsSurrogate(letter) && strings.HasPrefix(json, `\u`) {
			letter = utf16.DecodeRune(letter, hexadecimal(json[2:6]))
			json = json[6:]
		}
		text.WriteRune(letter)
	}
}

const space = " \t\r\n"

func hexadecimal(digits string) rune {
	value, _ := strconv.ParseUint(digits, 16, 16)
	return rune(value)
}

// Where the JSON value at the start of a text ends.
func valueEnd(json string) int {
	depth := 0
	quoted := false
	for at := 0; at < len(json); at++ {
		letter := json[at]
		switch {
		case quoted && letter == '\\':
			at++
		case letter == '"':
			quoted = !quoted
		case quoted:
		case letter == '{' || letter == '[':
			depth++
		case letter == '}' || letter == ']':
			depth--
		case depth == 0 && strings.IndexByte(space+",:", letter) >= 0:
			return at
		}
		if depth < 0 {
			return at
		}
		if depth == 0 && !quoted && strings.IndexByte("}]\"", letter) >= 0 {
			return at + 1
		}
	}
	return len(json)
}

// Describe is called by the host.
func Describe() types.PluginInfo {
	scopes := map[string]types.Scope{"group": types.ScopeGroup, "batch": types.ScopeBatch}
	return types.PluginInfo{
		Name:    about.Name,
		Version: about.Version,
		Doc:     about.Description,
		// Without one of these, it is of scope "sample".
		Scope:  scopes[about.Scope],
		Parts:  description.Parts,
		Params: description.Params,
	}
}

// Judgement is what comes of a sample: a verdict, or the error that says why there is none.
type Judgement struct {
	Verdict Verdict
	Err     error
}

// Score is called by the host.
func Score(samples []Sample) []wit.Result[types.Verdict, types.Failure] {
	results := make([]wit.Result[types.Verdict, types.Failure], 0, len(samples))
	for _, judgement := range judgements(samples) {
		verdict, err := judgement.Verdict, judgement.Err
		if err != nil {
			results = append(results, wit.Err[types.Verdict](failed(err)))
			continue
		}
		parts := make([]wit.Tuple2[string, float64], 0, len(verdict.Parts))
		for _, part := range verdict.Parts {
			parts = append(parts, wit.Tuple2[string, float64]{F0: part.Name, F1: part.Value})
		}
		result := types.Verdict{Total: verdict.Total, Parts: parts, Steps: verdict.Steps}
		results = append(results, wit.Ok[types.Verdict, types.Failure](result))
	}
	return results
}

// Where a panic ends, which becomes an error with the place where it began.
func recovered(err *error) {
	if reason := recover(); reason != nil {
		*err = fmt.Errorf("panic: %v%s", reason, place())
	}
}

func failed(err error) types.Failure {
	if known, ok := err.(failure); ok {
		return known.Failure
	}
	return types.MakeFailureInternal(err.Error())
}

// The line of src/ that is being unwound.
func place() string {
	var callers [32]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(0, callers[:])])
	panicking := false
	for {
		frame, more := frames.Next()
		_, file, inside := strings.Cut(frame.File, "/src/")
		if panicking && inside && !strings.HasPrefix(frame.Function, "runtime.") {
			return fmt.Sprintf(" (src/%s:%d)", file, frame.Line)
		}
		panicking = panicking || frame.Function == "runtime.gopanic"
		if !more {
			return ""
		}
	}
}
