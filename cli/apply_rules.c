#include "apply/build.h"
#include "cli/apply.h"
#include "cli/cmd_gen.h"

/* The generator's rules on their way to the kernel. */

struct rules {
	struct ruleset *rs;
};

struct rules *rules_make(struct args *a, const struct loaded *l,
			 const struct firewall *f, struct rules_size *size)
{
	struct rules *r = ARENA_NEW(a->arena, struct rules);
	struct gen_options opt;
	struct diags d;

	if (counters_option(a, &opt) != EXIT_OK)
		return NULL;
	opt.grace = arg_given(a, "grace");
	diags_init(&d, a->arena);
	r->rs = gen_firewall(a->arena, l->plan, f, &opt, &d);
	print_diags(&d);
	if (!r->rs)
		return NULL;
	*size = (struct rules_size){ .hash = rs_hash(r->rs) };
	for (size_t i = 0; i < r->rs->sets.n; i++) {
		uint64_t n = r->rs->sets.v[i]->elems.n;

		size->elements += n;
		if (size->largest < n)
			size->largest = n;
	}
	return r;
}

int rules_write(const struct rules *r, struct plan_writer *w, struct buf *err)
{
	struct stream s;
	int result;

	stream_init(&s, plan_file_unit, w);
	result = build_generation(r->rs, &s, err);
	stream_free(&s);
	return result;
}

struct model *rules_model(const struct rules *r, struct arena *a,
			  struct buf *err)
{
	struct model *m = model_new(a, r->rs->table);
	struct stream s;
	int result;

	stream_init(&s, model_unit, m);
	result = build_generation(r->rs, &s, err);
	stream_free(&s);
	return result == 0 && !m->bad ? m : NULL;
}
