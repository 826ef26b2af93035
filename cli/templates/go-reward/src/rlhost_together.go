//go:build together

package plugin

import "fmt"

// Where plugin.toml says `scope = "group"` (all completions of a prompt) or "batch" (all of a training step): scoreAll,
// which takes []Sample, returns []Judgement, one for each sample and in the same order.

func judgements(samples []Sample) []Judgement {
	judged, err := together(samples)
	if err == nil && len(judged) != len(samples) {
		err = fmt.Errorf("scoreAll returned %d judgements for %d samples", len(judged), len(samples))
	}
	if err == nil {
		return judged
	}
	judged = make([]Judgement, len(samples))
	for i := range judged {
		judged[i].Err = err
	}
	return judged
}

func together(samples []Sample) (judged []Judgement, err error) {
	defer recovered(&err)
	return scoreAll(samples), nil
}
