// Package plugin is an algorithm: a policy loss with its gradient.
package plugin

// What the functions below provide and use.
var description = Description{
	PolicyLoss: true,
	LossScope:  ScopeRow,
	Params: []ParamInfo{
		{Name: "scale", Doc: "Factor of the loss.", Default: "1.0"},
	},
}

// The function to edit: −A · logp, the mean over tokens.
func policyLoss(input *LossInput, totals *Totals, params Params) (LossOutput, error) {
	scale, err := params.Number("scale", 1)
	if err != nil {
		return LossOutput{}, err
	}
	// Dividing by the totals, and not by the tokens at hand, makes micro-batches add up.
	weight := scale / float64(max(totals.Tokens, 1))
	out := ZeroLoss(&input.Rows)
	for row := range RowCount(&input.Rows) {
		for _, token := range Trained(&input.Rows, row) {
			out.Loss -= weight * input.Advantages[token] * input.Logp[token]
			out.DLogp[token] = -weight * input.Advantages[token]
		}
	}
	return out, nil
}

// An advantage estimator: set Advantage in the description, and return one number per token each.
func advantage(input *AdvantageInput, params Params) (Advantages, error) {
	return Advantages{}, NotProvided("advantage")
}
