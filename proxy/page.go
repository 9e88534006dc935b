package proxy

import "switchyard/dialect"

// page answers what the front knows itself. Some pages are for everybody; stranger is why the caller is nobody we know,
// and then the front gets no key of a tenant's, and has no page that needs one.
func (q *request) page(stranger error) error {
	tenant := ""
	if stranger == nil && q.caller.tenant != anonymous {
		tenant = q.caller.tenant
	}
	var keys dialect.HookKeys
	if q.HookKeys != nil {
		keys = q.HookKeys(tenant)
	}
	reply := q.place.dialect.(dialect.Pager).Page(dialect.PageCall{Method: q.r.Method, Path: q.place.path, Keys: keys})
	switch {
	case reply != nil:
		return q.write(reply)
	case stranger != nil:
		return stranger
	}
	return q.pass(nil)
}
