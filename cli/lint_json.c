#include "base/json.h"
#include "cli/lint_formats.h"

/* ---- JSON, schema "portplan-lint-1" ----------------------------------------------------- */

static void json_finding(struct json *j, const struct advice_finding *f)
{
	json_object(j, NULL);
	json_str(j, "id", f->fingerprint);
	json_str(j, "rule", f->rule->id);
	json_str(j, "severity", advice_severity_name[f->rule->severity]);
	json_str(j, "finding", f->text);
	json_str(j, "host", f->host);
	json_str(j, "file", f->file);
	json_int(j, "line", f->line);
	json_int(j, "column", f->col);
	if (f->skip)
		json_str(j, "reason", f->skip->reason);
	json_end_object(j);
}

static void json_rule(struct json *j, const struct advice_rule *r)
{
	json_object(j, NULL);
	json_str(j, "rule", r->id);
	json_str(j, "severity", advice_severity_name[r->severity]);
	json_str(j, "title", r->title);
	json_str(j, "why", r->why);
	json_str(j, "remedy", r->remedy);
	json_str(j, "source", r->source);
	json_str(j, "undecided", r->undecided);
	json_end_object(j);
}

static void json_skips(struct json *j, const struct lint_result *r)
{
	static const char *const state[] = { "used", "unused", "expired" };

	json_array(j, "skips");
	for (size_t i = 0; i < r->topo->skips.n; i++) {
		const struct skip *s = r->topo->skips.v[i];

		json_object(j, NULL);
		json_str(j, "rule", s->rule);
		json_str(j, "host", s->host ? s->host->name : NULL);
		json_str(j, "reason", s->reason);
		json_str(j, "expires", s->expires.text);
		json_str(j, "state", state[r->report->skip[i]]);
		json_end_object(j);
	}
	json_end_array(j);
}

void lint_write_json(const struct lint_result *r, struct buf *out)
{
	const struct advice_report *p = r->report;
	struct json j = { .out = out };

	json_object(&j, NULL);
	json_str(&j, "schema", "portplan-lint-1");
	json_str(&j, "topology", r->topology);
	json_object(&j, "count");
	for (int i = 0; i < N_ADVICE; i++)
		json_int(&j, advice_severity_name[i],
			 (long long)p->count[i]);
	json_end_object(&j);
	json_array(&j, "findings");
	for (size_t i = 0; i < p->findings.n; i++)
		json_finding(&j, &p->findings.v[i]);
	json_end_array(&j);
	json_array(&j, "skipped");
	for (size_t i = 0; i < p->skipped.n; i++)
		json_finding(&j, &p->skipped.v[i]);
	json_end_array(&j);
	json_skips(&j, r);
	json_array(&j, "rules");
	for (size_t i = 0; i < r->rules->list.n; i++)
		json_rule(&j, r->rules->list.v[i]);
	json_end_array(&j);
	json_end_object(&j);
}

/* ---- SARIF 2.1.0 ---------------------------------------------------------------------- */

static const struct {
	const char *level, *security;
} sarif[N_ADVICE] = {
	[ADVICE_CRITICAL] = { "error", "9.1" },
	[ADVICE_ERROR] = { "error", "7.5" },
	[ADVICE_WARNING] = { "warning", "4.5" },
	[ADVICE_INFO] = { "note", "1.0" },
};

static void sarif_text(struct json *j, const char *key, const char *text)
{
	json_object(j, key);
	json_str(j, "text", text);
	json_end_object(j);
}

static void sarif_rule(struct json *j, const struct lint_result *r,
		       const struct advice_rule *rule)
{
	json_object(j, NULL);
	json_str(j, "id", rule->id);
	sarif_text(j, "shortDescription", rule->title);
	sarif_text(j, "fullDescription", rule->why);
	sarif_text(j, "help", arena_printf(r->arena, "%s%sSource: %s",
					   rule->remedy ? rule->remedy : "",
					   rule->remedy ? " " : "",
					   rule->source));
	json_object(j, "defaultConfiguration");
	json_str(j, "level", sarif[rule->severity].level);
	json_end_object(j);
	json_object(j, "properties");
	json_str(j, "security-severity", sarif[rule->severity].security);
	json_str(j, "precision", "high");
	json_end_object(j);
	json_end_object(j);
}

static void sarif_region(struct json *j, const struct advice_finding *f,
			 const char *file)
{
	json_object(j, "physicalLocation");
	json_object(j, "artifactLocation");
	json_str(j, "uri", file);
	json_end_object(j);
	json_object(j, "region");
	json_int(j, "startLine", f->line ? f->line : 1);
	json_int(j, "startColumn", f->col ? f->col : 1);
	json_end_object(j);
	json_end_object(j);
}

static void sarif_result(struct json *j, const struct lint_result *r,
			 const struct advice_finding *f)
{
	json_object(j, NULL);
	json_str(j, "ruleId", f->rule->id);
	json_str(j, "level", sarif[f->rule->severity].level);
	sarif_text(j, "message", f->text);
	json_array(j, "locations");
	json_object(j, NULL);
	sarif_region(j, f, f->file ? f->file : r->topology);
	if (f->host) {
		json_array(j, "logicalLocations");
		json_object(j, NULL);
		json_str(j, "name", f->host);
		json_str(j, "kind", "host");
		json_end_object(j);
		json_end_array(j);
	}
	json_end_object(j);
	json_end_array(j);
	json_object(j, "partialFingerprints");
	json_str(j, "primaryLocationLineHash", f->fingerprint);
	json_end_object(j);
	if (f->skip) {
		json_array(j, "suppressions");
		json_object(j, NULL);
		json_str(j, "kind", "inSource");
		json_str(j, "justification", f->skip->reason);
		json_end_object(j);
		json_end_array(j);
	}
	json_end_object(j);
}

void lint_write_sarif(const struct lint_result *r, struct buf *out)
{
	const struct advice_report *p = r->report;
	struct json j = { .out = out };

	json_object(&j, NULL);
	json_str(&j, "$schema",
		 "https://json.schemastore.org/sarif-2.1.0.json");
	json_str(&j, "version", "2.1.0");
	json_array(&j, "runs");
	json_object(&j, NULL);
	json_object(&j, "tool");
	json_object(&j, "driver");
	json_str(&j, "name", "portplan");
	json_str(&j, "informationUri", "https://example.org/portplan");
	json_array(&j, "rules");
	for (size_t i = 0; i < r->rules->list.n; i++)
		if (!r->rules->list.v[i]->undecided)
			sarif_rule(&j, r, r->rules->list.v[i]);
	json_end_array(&j);
	json_end_object(&j);
	json_end_object(&j);
	json_array(&j, "results");
	for (size_t i = 0; i < p->findings.n; i++)
		sarif_result(&j, r, &p->findings.v[i]);
	for (size_t i = 0; i < p->skipped.n; i++)
		sarif_result(&j, r, &p->skipped.v[i]);
	json_end_array(&j);
	json_end_object(&j);
	json_end_array(&j);
	json_end_object(&j);
}
