package plugin

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Steps that the edit distances of a call may take together; texts that come later are compared for equality.
const maxSteps = 4_000_000

// How much two values agree, from 0 to 1.
func (c *comparison) similarity(field *Field, kind string, reference, found any) float64 {
	switch kind {
	case "number", "money":
		expected, ok := amountOf(reference)
		given, alsoOk := amountOf(found)
		if !ok || !alsoOk {
			return 0
		}
		if kind == "money" && expected.currency != "" && given.currency != "" && expected.currency != given.currency {
			return 0
		}
		return one(math.Abs(expected.value-given.value) <= max(field.Absolute, field.Relative*math.Abs(expected.value), rounding(kind)))
	case "date":
		expected, ok := dateOf(textOf(reference), field.Order)
		given, alsoOk := dateOf(textOf(found), field.Order)
		return one(ok && alsoOk && expected == given)
	case "boolean":
		expected, ok := booleanOf(reference)
		given, alsoOk := booleanOf(found)
		return one(ok && alsoOk && expected == given)
	case "exact":
		return one(lettersAndDigits(textOf(reference)) == lettersAndDigits(textOf(found)))
	}
	return c.textSimilarity(c.letters(textOf(reference)), c.letters(textOf(found)))
}

// Half of the smallest unit of most currencies; nothing for numbers, which may be small.
func rounding(kind string) float64 {
	if kind == "money" {
		return 0.005 - 1e-9
	}
	return 0
}

func one(same bool) float64 {
	if same {
		return 1
	}
	return 0
}

func isOfType(field *Field, kind string, value any) bool {
	ok := true
	switch kind {
	case "number", "money":
		_, ok = amountOf(value)
	case "date":
		_, ok = dateOf(textOf(value), field.Order)
	case "boolean":
		_, ok = booleanOf(value)
	default:
		switch value.(type) {
		case map[string]any, []any:
			return false
		}
	}
	return ok
}

// A single value as text; an object or a list has none.
func textOf(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case json.Number:
		return value.String()
	case bool:
		return strconv.FormatBool(value)
	}
	return ""
}

// In lower case, with single spaces, without punctuation at the ends.
func folded(text string) string {
	text = strings.ToLower(strings.Join(strings.Fields(text), " "))
	return strings.TrimFunc(text, isEdge)
}

func isEdge(r rune) bool {
	return unicode.IsSpace(r) || strings.ContainsRune(".,;:", r)
}

// For numbers of documents and the like: `INV-001 / 24` is `inv00124`.
func lettersAndDigits(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, text)
}

// The letters of a folded text. Items of lists are compared many times, each with each.
func (c *comparison) letters(text string) []rune {
	if letters, ok := c.folded[text]; ok {
		return letters
	}
	letters := []rune(folded(text))
	c.folded[text] = letters
	return letters
}

// 1 less the edit distance over the longer length, and 0 below the threshold: the similarity of ANLS (Biten et al.,
// Scene Text Visual Question Answering, 2019).
func (c *comparison) textSimilarity(a, b []rune) float64 {
	if slices.Equal(a, b) {
		return 1
	}
	longer, shorter := max(len(a), len(b)), min(len(a), len(b))
	// As many letters as the lengths differ have to be added.
	if float64(shorter)/float64(longer) < c.threshold || len(a)*len(b) > c.steps {
		return 0
	}
	c.steps -= len(a) * len(b)
	similarity := 1 - float64(distance(a, b))/float64(longer)
	if similarity < c.threshold {
		return 0
	}
	return similarity
}

func distance(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, letter := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, other := range b {
			above := row[j+1]
			change := diagonal
			if letter != other {
				change++
			}
			row[j+1] = min(change, above+1, row[j]+1)
			diagonal = above
		}
	}
	return row[len(b)]
}

type amount struct {
	value    float64
	currency string
}

var currencies = map[string]string{
	"$": "usd", "us$": "usd", "usd": "usd", "€": "eur", "eur": "eur", "£": "gbp", "gbp": "gbp", "¥": "jpy", "jpy": "jpy", "chf": "chf",
}

// A number, or an amount with a currency before or behind it: 1234.5, `1,234.50`, `1.234,50 €`, `USD 1 234.50`, `(3.00)`, `-3`.
func amountOf(value any) (amount, bool) {
	text := strings.ToLower(strings.TrimSpace(textOf(value)))
	if len(text) > 64 {
		return amount{}, false
	}
	negative := strings.HasPrefix(text, "(") && strings.HasSuffix(text, ")")
	if negative {
		text = text[1 : len(text)-1]
	}
	if number, err := strconv.ParseFloat(text, 64); err == nil && !strings.ContainsAny(text, "xpni_") {
		return signed(number, negative, "")
	}
	text = strings.NewReplacer("−", "-", "\u00a0", " ", "\u202f", " ", "'", "", "’", "").Replace(text)
	isNumber := func(r rune) bool { return r >= '0' && r <= '9' || strings.ContainsRune(".,", r) }
	start, end := strings.IndexFunc(text, isNumber), strings.LastIndexFunc(text, isNumber)
	if start < 0 {
		return amount{}, false
	}
	around := strings.TrimSpace(text[:start]) + strings.TrimSpace(text[end+1:])
	if strings.Count(around, "-") == 1 && !negative {
		negative = true
		around = strings.TrimSpace(strings.Replace(around, "-", "", 1))
	}
	currency, known := currencies[around]
	if !known && around != "" {
		return amount{}, false
	}
	number, err := strconv.ParseFloat(plain(strings.ReplaceAll(text[start:end+1], " ", "")), 64)
	if err != nil {
		return amount{}, false
	}
	return signed(number, negative, currency)
}

func signed(number float64, negative bool, currency string) (amount, bool) {
	if negative {
		number = -number
	}
	return amount{number, currency}, !math.IsInf(number, 0)
}

// Digits with a decimal point. The last of `.` and `,` is the decimal mark, unless it comes again or is followed by
// exactly three digits with none of the other before it: `1,234` is 1234, and so is `1.234`.
func plain(digits string) string {
	last := strings.LastIndexAny(digits, ".,")
	if last < 0 {
		return digits
	}
	mark := digits[last : last+1]
	other := strings.NewReplacer(".", ",", ",", ".").Replace(mark)
	whole, fraction := digits[:last], digits[last+1:]
	groups := strings.Contains(whole, mark) || len(fraction) == 3 && !strings.Contains(whole, other) && whole != "" && whole != "0"
	whole = strings.NewReplacer(".", "", ",", "").Replace(whole)
	if groups {
		return whole + fraction
	}
	return whole + "." + fraction
}

var booleans = map[string]bool{"true": true, "yes": true, "x": true, "1": true, "false": false, "no": false, "0": false}

func booleanOf(value any) (bool, bool) {
	truth, ok := booleans[folded(textOf(value))]
	return truth, ok
}

type date struct{ year, month, day int }

var months = []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}

// 2024-03-05, 2024/3/5, 5.3.2024, 05/03/24, 5 March 2024, March 5th, 2024. Of day and month in figures, `order` says which
// comes first where both could be either.
func dateOf(text, order string) (date, bool) {
	text = strings.ToLower(text)
	if at := strings.IndexByte(text, 't'); at == 10 {
		// 2024-03-05T10:00:00Z
		text = text[:at]
	}
	words := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if len(words) != 3 {
		return date{}, false
	}
	month := 0
	var numbers []int
	for _, word := range words {
		if found := monthOf(word); found > 0 && month == 0 {
			month = found
			continue
		}
		for _, ending := range []string{"st", "nd", "rd", "th"} {
			word = strings.TrimSuffix(word, ending)
		}
		number, err := strconv.Atoi(word)
		if err != nil || len(word) > 4 {
			return date{}, false
		}
		numbers = append(numbers, number)
	}
	var found date
	switch {
	case month > 0 && numbers[0] > 31:
		found = date{numbers[0], month, numbers[1]}
	case month > 0:
		found = date{century(numbers[1]), month, numbers[0]}
	case len(words[0]) == 4:
		found = date{numbers[0], numbers[1], numbers[2]}
	case numbers[0] <= 12 && (order == "mdy" || numbers[1] > 12):
		found = date{century(numbers[2]), numbers[0], numbers[1]}
	default:
		found = date{century(numbers[2]), numbers[1], numbers[0]}
	}
	lengths := []int{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
	ok := found.month >= 1 && found.month <= 12 && found.day >= 1 && found.day <= lengths[found.month-1]
	return found, ok && found.year >= 1000
}

func monthOf(word string) int {
	for i, name := range months {
		if strings.HasPrefix(word, name) {
			return i + 1
		}
	}
	return 0
}

func century(year int) int {
	if year < 100 {
		return 2000 + year
	}
	return year
}
