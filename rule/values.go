package rule

import (
	"fmt"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// The types of request and key, as error messages name them.
const (
	requestName = "request"
	keyName     = "key"
)

var (
	requestType = types.NewObjectType(requestName)
	keyType     = types.NewObjectType(keyName)
	tableType   = types.NewMapType(types.StringType, types.StringType)
)

// object is request or key. Its fields are read through the provider, so it need only carry the facts. The type is a
// parameter: a struct of one pointer is put into an interface without being allocated.
type object[T typed] struct{ facts *Facts }

type typed interface{ celType() *types.Type }

type (
	isRequest struct{}
	isKey     struct{}
)

func (isRequest) celType() *types.Type { return requestType }
func (isKey) celType() *types.Type     { return keyType }

func (o object[T]) typ() *types.Type {
	var t T
	return t.celType()
}

func (o object[T]) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("%s cannot become %v", o.typ(), t)
}

func (o object[T]) ConvertToType(t ref.Type) ref.Val {
	if t == types.TypeType {
		return o.typ()
	}
	return types.NewErr("%s cannot become %s", o.typ(), t.TypeName())
}

func (o object[T]) Equal(other ref.Val) ref.Val {
	p, ok := other.(object[T])
	return types.Bool(ok && o == p)
}

func (o object[T]) Type() ref.Type { return o.typ() }
func (o object[T]) Value() any     { return o.facts }

// dict makes a CEL map of a table. It has no Find, on purpose: the library would call that rather than Get and IsSet,
// and then has(headers.x) could not tell a missing name from an empty text. It is as large as a map, as object is as
// large as a pointer.
type dict[T table] struct{ table T }

var (
	_ traits.Indexer     = dict[headerTable]{}
	_ traits.FieldTester = dict[headerTable]{}
	_ traits.Container   = dict[headerTable]{}
	_ traits.Iterable    = dict[headerTable]{}
	_ traits.Sizer       = dict[headerTable]{}
)

func (d dict[T]) Get(index ref.Val) ref.Val {
	name, ok := index.(types.String)
	if !ok {
		return types.NewErr("no such key: %v", index)
	}
	value, _ := d.table.lookup(string(name))
	return types.String(value)
}

func (d dict[T]) IsSet(index ref.Val) ref.Val {
	name, ok := index.(types.String)
	if !ok {
		return types.False
	}
	_, ok = d.table.lookup(string(name))
	return types.Bool(ok)
}

func (d dict[T]) Contains(index ref.Val) ref.Val { return d.IsSet(index) }
func (d dict[T]) Size() ref.Val                  { return types.Int(len(d.table.names())) }

func (d dict[T]) Iterator() traits.Iterator {
	return types.NewStringList(types.DefaultTypeAdapter, d.table.names()).Iterator()
}

func (d dict[T]) ConvertToNative(t reflect.Type) (any, error) { return d.plain().ConvertToNative(t) }
func (d dict[T]) ConvertToType(t ref.Type) ref.Val            { return d.plain().ConvertToType(t) }
func (d dict[T]) Equal(other ref.Val) ref.Val                 { return d.plain().Equal(other) }
func (d dict[T]) Type() ref.Type                              { return types.MapType }
func (d dict[T]) Value() any                                  { return d.plain().Value() }

// plain returns a copy, for the rare rule that uses the whole map.
func (d dict[T]) plain() ref.Val {
	all := make(map[string]string)
	for _, n := range d.table.names() {
		all[n], _ = d.table.lookup(n)
	}
	return types.NewStringStringMap(types.DefaultTypeAdapter, all)
}

// provider describes to CEL the types of request and key, and the library's own.
type provider struct {
	types.Provider
	fields map[string]map[string]*types.FieldType // :: type → field → how to read it
}

func newProvider(base types.Provider) provider {
	p := provider{Provider: base, fields: map[string]map[string]*types.FieldType{}}
	for name, fields := range map[string]map[string]*field{requestName: requestFields, keyName: keyFields} {
		p.fields[name] = make(map[string]*types.FieldType, len(fields))
		for f, how := range fields {
			p.fields[name][f] = how.celType()
		}
	}
	return p
}

func (p provider) FindStructType(name string) (*types.Type, bool) {
	switch name {
	case requestName:
		return types.NewTypeTypeWithParam(requestType), true
	case keyName:
		return types.NewTypeTypeWithParam(keyType), true
	}
	return p.Provider.FindStructType(name)
}

func (p provider) FindStructFieldNames(name string) ([]string, bool) {
	fields, ok := p.fields[name]
	if !ok {
		return p.Provider.FindStructFieldNames(name)
	}
	names := make([]string, 0, len(fields))
	for f := range fields {
		names = append(names, f)
	}
	return names, true
}

func (p provider) FindStructFieldType(name, fieldName string) (*types.FieldType, bool) {
	fields, ok := p.fields[name]
	if !ok {
		return p.Provider.FindStructFieldType(name, fieldName)
	}
	f, ok := fields[fieldName]
	return f, ok
}

// NewValue refuses request{…}: a rule cannot make a request.
func (p provider) NewValue(name string, fields map[string]ref.Val) ref.Val {
	if _, ours := p.fields[name]; ours {
		return types.NewErr("%s cannot be made", name)
	}
	return p.Provider.NewValue(name, fields)
}

// celType says how CEL reads the field. The library passes on what object.Value returned.
func (f *field) celType() *types.FieldType {
	typ, get := f.getter()
	return &types.FieldType{
		Type: typ,
		GetFrom: func(target any) (any, error) {
			facts, ok := target.(*Facts)
			if !ok {
				return nil, fmt.Errorf("not a request: %T", target)
			}
			return get(facts), nil
		},
		IsSet: func(target any) bool {
			facts, ok := target.(*Facts)
			if !ok {
				return false
			}
			if f.has != nil {
				return f.has(facts)
			}
			z, ok := get(facts).(traits.Zeroer)
			return ok && !z.IsZeroValue()
		},
	}
}

func (f *field) getter() (*types.Type, func(*Facts) ref.Val) {
	switch f.kind {
	case number:
		return types.IntType, func(x *Facts) ref.Val { return types.Int(f.num(x)) }
	case real:
		return types.DoubleType, func(x *Facts) ref.Val { return types.Double(f.real(x)) }
	case yesNo:
		return types.BoolType, func(x *Facts) ref.Val { return types.Bool(f.yes(x)) }
	case labels:
		return tableType, func(x *Facts) ref.Val { return dict[labelTable]{x.Key.Labels} }
	}
	return types.StringType, func(x *Facts) ref.Val { return types.String(f.text(x)) }
}
