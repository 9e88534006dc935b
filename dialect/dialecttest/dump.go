package dialecttest

import (
	"fmt"
	"reflect"

	"switchyard"
)

// dumpRequest and dumpResult print canonical values without unset fields, and images by what is known of them.

func dumpRequest(r *switchyard.Request) string { return dump(fields(reflect.ValueOf(*r))) }

func dumpResult(r *switchyard.Result) string { return dump(fields(reflect.ValueOf(*r))) }

func fields(v reflect.Value) map[string]any {
	out := map[string]any{}
	for i := range v.NumField() {
		if f := v.Field(i); !f.IsZero() {
			out[v.Type().Field(i).Name] = plain(f)
		}
	}
	return out
}

func plain(v reflect.Value) any {
	switch x := v.Interface().(type) {
	case switchyard.Blob:
		return fmt.Sprintf("%d bytes", x.Len())
	case fmt.Stringer:
		return x.String()
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return plain(v.Elem())
	case reflect.Struct:
		return fields(v)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return v.Interface()
		}
		items := make([]any, v.Len())
		for i := range items {
			items[i] = plain(v.Index(i))
		}
		return items
	}
	return v.Interface()
}
