#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "advice/spf.h"

/*
 * A record as it stands in somebody's DNS: parsed, cut into strings, and held
 * against the senders of a plan with translation.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
	"<topology xmlns=\"urn:portplan:1\" name=\"t\" "
	"template=\"exchange-2003\">"
	"<zone name=\"out\" kind=\"internet\" networks=\"0.0.0.0/0 ::/0\" "
	"roles=\"internet-mta\"/>"
	"<zone name=\"in\" networks=\"10.2.0.0/16 2001:db8::/64\">"
	"<host name=\"m1\" address=\"10.2.0.1 2001:db8::1\" roles=\"outbound-smtp\" "
	"public=\"192.0.2.7\"/>"
	"</zone>"
	"<firewall name=\"fw\"><interface name=\"eth0\" zone=\"out\" "
	"address=\"192.0.2.1\"/><interface name=\"eth1\" zone=\"in\"/></firewall>"
	"<mail-domain name=\"example.org\" senders=\"m1\"/></topology>";

static const struct plan *plan;
static struct arena *kept;

static const struct plan *the_plan(void)
{
	struct topology_options opt = { .text = text,
					.n_text = sizeof(text) - 1 };
	struct plan_options when = { .now = 1800000000 };
	const struct topology *t;
	struct diags d;

	if (plan)
		return plan;
	kept = arena_new();
	diags_init(&d, kept);
	t = topology_read(kept, "t.xml", &opt, &d);
	plan = t ? plan_build(kept, t, &when, &d) : NULL;
	if (!plan)
		abort();
	return plan;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct plan *p = the_plan();
	struct arena *a = arena_new();
	char *record = arena_strndup(a, (const char *)data, size);
	struct spf_parsed *r = spf_parse(a, record);
	spf_remarks remarks = { 0 };
	struct buf out = { 0 };

	if (r->error && r->error_off > strlen(record))
		abort();
	spf_strings(record, &out);
	spf_verify(a, p, spf_build(a, p), r, &remarks);
	buf_free(&out);
	arena_free(a);
	return 0;
}
