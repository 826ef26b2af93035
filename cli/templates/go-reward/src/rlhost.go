package plugin

// What nearly every reward plugin needs, over the bindings that `rlhost plugin build` makes from wit/. Yours to change.
//
// Every call meets a fresh instance: what a variable holds is gone with the call.

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"

	wit "go.bytecodealliance.org/pkg/wit/types"
	"rlhost/about"
	types "rlhost/rlhost_plugin_types"
)

// Types of the contract, described in wit/plugin.wit.
type (
	// Sample is one completion to be judged, with all that the data says about it.
	Sample = types.Sample
	// Image is a picture of the prompt.
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

// AnswerText is the reference answer: a string as it is, a number or a boolean as JSON writes it.
func AnswerText(sample *Sample) (string, error) {
	answer := strings.TrimSpace(sample.Answer)
	switch {
	case answer == "" || answer == "null":
		return "", InvalidReference("there is no reference answer")
	case answer[0] == '"':
		var text string
		err := json.Unmarshal([]byte(answer), &text)
		return text, err
	case answer[0] == '{' || answer[0] == '[':
		return "", InvalidReference("the reference answer must be a string, a number or a boolean, but it is %s", answer)
	}
	return answer, nil
}

// Answer reads the reference answer, which is JSON, into a value as json.Unmarshal does.
func Answer(sample *Sample, value any) error {
	if strings.TrimSpace(sample.Answer) == "null" {
		return InvalidReference("there is no reference answer")
	}
	if err := json.Unmarshal([]byte(sample.Answer), value); err != nil {
		return InvalidReference("the reference answer can't be read: %v", err)
	}
	return nil
}

// Param is a parameter, or standard where it is not given. It must be of standard's type: bool, float64 or string.
func Param[T bool | float64 | string](sample *Sample, name string, standard T) (T, error) {
	if sample.Params == "{}" {
		return standard, nil
	}
	var params map[string]any
	if err := json.Unmarshal([]byte(sample.Params), &params); err != nil {
		return standard, Internal("the parameters can't be read: %v", err)
	}
	given, ok := params[name]
	if !ok {
		return standard, nil
	}
	value, ok := given.(T)
	if !ok {
		wanted := map[string]string{"bool": "true or false", "float64": "a number", "string": "a string"}
		text, _ := json.Marshal(given)
		return standard, Internal("the parameter `%s` must be %s, but it is %s", name, wanted[fmt.Sprintf("%T", standard)], text)
	}
	return value, nil
}

// Describe is called by the host.
func Describe() types.PluginInfo {
	return types.PluginInfo{
		Name:    about.Name,
		Version: about.Version,
		Doc:     about.Description,
		Scope:   types.ScopeSample,
		Parts:   description.Parts,
		Params:  description.Params,
	}
}

// Score is called by the host.
func Score(samples []Sample) []wit.Result[types.Verdict, types.Failure] {
	results := make([]wit.Result[types.Verdict, types.Failure], 0, len(samples))
	for i := range samples {
		verdict, err := judge(&samples[i])
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

// Calls score; a panic becomes an error with the place where it began.
func judge(sample *Sample) (verdict Verdict, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("panic: %v%s", reason, place())
		}
	}()
	return score(sample)
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
