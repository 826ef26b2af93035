// Package plugin is a reward plugin: it judges one response at a time.
package plugin

import "strings"

// What score uses: the parts of its verdicts, and its parameters.
var description = Description{
	Parts: []string{"accuracy"},
	Params: []ParamInfo{
		{Name: "ignore_case", Doc: "Treat upper and lower case as the same.", Default: "false"},
	},
}

// The function to edit: 1 where the response contains the reference answer.
//
// A wrong response is a verdict with a low total. An error says that there is no judgement: InvalidReference, Abstain or
// Internal of rlhost.go; any other error counts as Internal.
func score(sample *Sample) (Verdict, error) {
	ignoreCase, err := Param(sample, "ignore_case", false)
	if err != nil {
		return Verdict{}, err
	}
	answer, err := AnswerText(sample)
	if err != nil {
		return Verdict{}, err
	}
	response := LastText(sample)
	if ignoreCase {
		answer = strings.ToLower(answer)
		response = strings.ToLower(response)
	}
	accuracy := 0.0
	if strings.Contains(response, answer) {
		accuracy = 1
	}
	return Verdict{Total: accuracy, Parts: []Part{{"accuracy", accuracy}}}, nil
}
