package router

import "switchyard"

// Native as a target of a route stands for the provider and the model that the app asked for.
const Native = "native"

// Natives returns the providers of a dialect that are switched on, in the file's order: those that there is a key for, ours or
// the app's own, and those without one. A request that is no generation goes to one of them as it is.
func (r *Router) Natives(dialectName string, appKey bool) (keyed, keyless []*switchyard.Target) {
	for _, t := range r.cfg.Natives {
		switch {
		case t.Dialect != dialectName || t.Off != "":
		case hasKey(t, dialectName, appKey):
			keyed = append(keyed, t)
		default:
			keyless = append(keyless, t)
		}
	}
	return keyed, keyless
}

// hasKey reports whether there is a key for t: ours, or the app's own, which only providers of the app's dialect may get. Without a
// dialect, as in a question about prices, that may be any.
func hasKey(t *switchyard.Target, dialectName string, appKey bool) bool {
	return !t.Key.IsZero() || appKey && (dialectName == "" || t.Dialect == dialectName)
}

// Speaks returns the dialect that a model is asked for in: that of the first provider that is switched on whose tables have it. It is empty if no
// table has it.
func (r *Router) Speaks(model string) string {
	for _, t := range r.cfg.Natives {
		if t.Off == "" && r.find(t.Dialect, model) != nil {
			return t.Dialect
		}
	}
	return ""
}

// native adds the provider that the app asked for: the first of its dialect that there is a key for. If an operator has
// stopped that one, the next is added, too. The stopped one stays in the plan, since jobs that it has accepted are still
// polled there.
func (d *decision) native() {
	req := d.facts.Request
	for _, n := range d.cfg.Natives {
		if n.Dialect != req.Dialect {
			continue
		}
		if reason, kind := d.unusable(n); reason != "" {
			d.pass(n.Name, reason, kind)
			continue
		}
		t := of(n, req.Model, d.cfg.Tables[req.Dialect].Assume(req.Model))
		var notes switchyard.Fidelity
		if living := d.successor(req.Dialect, req.Model); living != nil && living != d.asked {
			t = of(n, living.ID, living)
			notes.Add(switchyard.Succeeded, req.Model+">"+living.ID)
		}
		d.add(t, notes)
		if !d.stopped(n) {
			return
		}
	}
}

// of returns a provider as a target with one of its models.
func of(native *switchyard.Target, id string, row *switchyard.Model) *switchyard.Target {
	t := *native
	t.Model, t.Row = id, row
	if row != nil && row.Price != nil { // a price of the provider is only for models that the tables do not price
		t.Price = row.Price
	}
	return &t
}

// successor returns the living model that serves in place of a dead one; nil if the model lives, or has no successor.
func (d *decision) successor(dialectName, model string) *switchyard.Model {
	table := d.cfg.Tables[dialectName]
	if !d.cfg.Successors || table == nil {
		return nil
	}
	row := table.Find(model)
	if row != nil && d.cfg.Deaths.Known(dialectName, row.ID) && row.Life.Successor != "" {
		return table.Living(row.Life.Successor, d.now)
	}
	return table.Living(model, d.now)
}
