package switchyard

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var errNegative = errors.New("must not be negative")

// Validate reports every fault, each by its path in the price. A nil price has none.
func (p *Price) Validate() error {
	if p == nil {
		return nil
	}
	parts := map[string]Money{
		"image": p.Image, "megapixel": p.Megapixel, "first_megapixel": p.FirstMegapixel,
		"input_megapixel": p.InputMegapixel, "reference": p.Reference, "second": p.Second,
	}
	for key, m := range p.Images {
		parts[below("images", key)] = m
	}
	if t := p.Tokens; t != nil {
		parts["tokens.text_in"], parts["tokens.image_in"] = t.TextIn, t.ImageIn
		parts["tokens.text_out"], parts["tokens.image_out"] = t.TextOut, t.ImageOut
	}
	var errs []error
	for _, path := range slices.Sorted(maps.Keys(parts)) {
		if parts[path] < 0 {
			errs = append(errs, fmt.Errorf("%s: %w, got %s", path, errNegative, parts[path]))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(p.Images)) {
		if !isPriceKey(key) {
			errs = append(errs, fmt.Errorf(`%s: want a quality, a size, both, a class or a format: "high", "1024x1024", "high 1024x1024", "2K", "svg"`, below("images", key)))
		}
	}
	if p.Typical < 0 || p.Typical > 0 && p.Second == 0 {
		errs = append(errs, errors.New("typical: is a time, for a price by the second"))
	}
	return errors.Join(append(errs, p.validateEdit())...)
}

func (p *Price) validateEdit() error {
	switch {
	case p.Edit == nil:
		return nil
	case p.Edit.Edit != nil:
		return errors.New("edit.edit: one is enough")
	}
	if err := p.Edit.Validate(); err != nil {
		return fmt.Errorf("edit: %w", err)
	}
	return nil
}

// Example shows what a price looks like in a file, for those who wrote something else.
func (*Price) Example() string { return "{image: 0.04}" }

var (
	plainKey = regexp.MustCompile(`^[A-Za-z_][\w-]*$`)
	classes  = []string{"512", "1K", "2K", "4K"}
	formats  = []string{"png", "jpeg", "webp", "gif", "svg"}
)

// isPriceKey reports whether Price.image would ever look for key.
func isPriceKey(key string) bool {
	quality, size, both := strings.Cut(key, " ")
	if !both {
		quality, size = key, key
	}
	_, err := ParseSize(size)
	known := slices.Contains(Qualities, quality)
	if both {
		return known && err == nil
	}
	return known || err == nil || slices.Contains(classes, key) || slices.Contains(formats, key)
}

// below returns the path of a key of a map, as config files write it.
func below(path, key string) string {
	if plainKey.MatchString(key) {
		return path + "." + key
	}
	return path + "[" + strconv.Quote(key) + "]"
}
