#include "cli/cmd_check.h"
#include "gen/gen.h"

bool generated_text(struct args *a, const struct plan *p,
		    const struct firewall *f, struct buf *out)
{
	static const struct gen_options opt = {
		.counters = GEN_COUNT_SERVICE
	};
	struct diags d;
	struct ruleset *rs;

	diags_init(&d, a->arena);
	rs = gen_firewall(a->arena, p, f, &opt, &d);
	if (rs)
		rs_text(rs, out);
	return rs;
}
