package plugin

// What nearly every algorithm needs, over the bindings that `rlhost plugin build` makes from wit/. Yours to change.
//
// Every call meets a fresh instance: what a variable holds is gone with the call.

import (
	"encoding/json"
	"fmt"

	wit "go.bytecodealliance.org/pkg/wit/types"
	"rlhost/about"
	objective "rlhost/rlhost_plugin_objective"
)

// Types of the contract, described in wit/algorithm.wit.
type (
	// Rows are ragged rows of tokens.
	Rows = objective.Rows
	// AdvantageInput is all rows of a step.
	AdvantageInput = objective.AdvantageInput
	// Advantages are numbers for each token.
	Advantages = objective.Advantages
	// LossInput is a micro-batch.
	LossInput = objective.LossInput
	// Totals are counts of the whole mini-batch.
	Totals = objective.Totals
	// LossOutput is a micro-batch's share of the loss.
	LossOutput = objective.LossOutput
	// ParamInfo is a parameter that the algorithm understands; its default is JSON.
	ParamInfo = objective.ParamInfo
)

// What a policy loss has to see at once: some rows of a mini-batch, or all of them.
const (
	ScopeRow   = objective.LossScopeRow
	ScopeBatch = objective.LossScopeBatch
)

// Description is what an algorithm says about itself. Name, version and purpose are those of plugin.toml.
type Description struct {
	// Whether there is an advantage estimator.
	Advantage bool
	// Whether there is a policy loss, and what it has to see at once.
	PolicyLoss bool
	LossScope  objective.LossScope
	// Arrays that not every run has.
	Needs  []objective.Input
	Params []ParamInfo
}

// Params are the parameters that the run's configuration gives.
type Params map[string]any

// Number is a parameter that is a number, or standard where it is not given.
func (params Params) Number(name string, standard float64) (float64, error) {
	given, ok := params[name]
	if !ok {
		return standard, nil
	}
	value, ok := given.(float64)
	if !ok {
		text, _ := json.Marshal(given)
		return standard, fmt.Errorf("the parameter `%s` must be a number, but it is %s", name, text)
	}
	return value, nil
}

// NotProvided is the error of a function that the description does not name.
func NotProvided(function string) error {
	return fmt.Errorf("this algorithm has no %s", function)
}

// RowCount is the number of rows.
func RowCount(rows *Rows) int {
	return max(len(rows.Offsets), 1) - 1
}

// Trained are the trained tokens of a row, as indices into arrays with one entry per token.
func Trained(rows *Rows, row int) []int {
	var tokens []int
	for token := int(rows.Offsets[row]); token < int(rows.Offsets[row+1]); token++ {
		if rows.Mask[token] != 0 {
			tokens = append(tokens, token)
		}
	}
	return tokens
}

// ZeroLoss is no loss and no gradient.
func ZeroLoss(rows *Rows) LossOutput {
	return LossOutput{DLogp: make([]float64, len(rows.Mask))}
}

// AddMetric adds a number for the curves, divided by the totals already.
func AddMetric(out *LossOutput, name string, value float64) {
	out.Metrics = append(out.Metrics, wit.Tuple2[string, float64]{F0: name, F1: value})
}

// Describe is called by the host.
func Describe() objective.AlgorithmInfo {
	loss := wit.None[objective.LossScope]()
	if description.PolicyLoss {
		loss = wit.Some(description.LossScope)
	}
	return objective.AlgorithmInfo{
		Name:       about.Name,
		Version:    about.Version,
		Doc:        about.Description,
		Advantage:  description.Advantage,
		PolicyLoss: loss,
		Needs:      description.Needs,
		Params:     description.Params,
	}
}

// Advantage is called by the host.
func Advantage(input AdvantageInput, params string) wit.Result[Advantages, string] {
	return answered(params, func(params Params) (Advantages, error) {
		return advantage(&input, params)
	})
}

// PolicyLoss is called by the host.
func PolicyLoss(input LossInput, totals Totals, params string) wit.Result[LossOutput, string] {
	return answered(params, func(params Params) (LossOutput, error) {
		return policyLoss(&input, &totals, params)
	})
}

func answered[T any](text string, work func(Params) (T, error)) wit.Result[T, string] {
	params := Params{}
	if text != "" {
		if err := json.Unmarshal([]byte(text), &params); err != nil {
			return wit.Err[T](fmt.Sprintf("the parameters must be a JSON object: %v", err))
		}
	}
	out, err := work(params)
	if err != nil {
		return wit.Err[T](err.Error())
	}
	return wit.Ok[T, string](out)
}
