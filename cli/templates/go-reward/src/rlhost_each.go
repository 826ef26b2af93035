//go:build !together

package plugin

// Where plugin.toml names no scope, or "sample": each sample is judged on its own, by score.

func judgements(samples []Sample) []Judgement {
	judged := make([]Judgement, len(samples))
	for i := range samples {
		judged[i] = judgement(&samples[i])
	}
	return judged
}

func judgement(sample *Sample) (judged Judgement) {
	defer recovered(&judged.Err)
	judged.Verdict, judged.Err = score(sample)
	return judged
}
