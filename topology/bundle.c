#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "topology/build.h"

/*
 * A bundle: one firewall's part of a topology, cut out by bundle/ and read as
 * a topology. What the part alone cannot tell stands in attributes of its own
 * (AF_BUNDLE): which template a flow is from, the identity of an element whose
 * words were cut, how much it speaks of in the whole, whose the addresses are
 * that are held apart, and which way zones lie that the firewall does not
 * touch. The whole was checked when it was cut; here only the hash is, so that
 * nobody edits it by hand without noticing. It is no signature.
 */
enum { DIGITS = 16 };

void topology_bundle_hash(const char *text, size_t n, size_t at,
			  char out[DIGITS + 1])
{
	uint64_t h = hash_bytes(HASH_INIT, text, at);

	h = hash_bytes(h, text + at + DIGITS, n - at - DIGITS);
	snprintf(out, DIGITS + 1, "%016llx",
		 (unsigned long long)hash_mix(h));
}

bool bundle_open(struct build *b, const struct xml_element *root)
{
	const char *hash = xml_attr(root, "hash");
	struct span at = xml_value_span(root, "hash");
	char is[DIGITS + 1];

	b->topo->bundle = xml_attr(root, "bundle");
	if (!b->topo->bundle)
		return true;
	if (hash && strlen(hash) == DIGITS && at.len == DIGITS) {
		topology_bundle_hash(root->src->text, root->src->len, at.off,
				     is);
		if (!strcmp(hash, is))
			return true;
	}
	diag_add(b->d, SEV_ERROR, hash ? at : xml_span(root),
		 "this bundle was changed after it was written: change the "
		 "topology, and make it anew");
	return false;
}

void bundle_zone(struct build *b, const struct item *it)
{
	struct party *z = it->made;
	struct words w = value_words(b, it->xml, "behind");
	const char *of = xml_attr(it->xml, "of");

	z->holds = (enum zone_holds)value_word(b, it->xml, EL_ZONE, "holds",
					       HOLDS_OWN);
	z->of = of ? find_zone(b, it->xml, "of", of) : NULL;
	for (size_t i = 0; i < w.n; i++) {
		struct party *x = find_zone(b, it->xml, "behind", w.v[i].s);

		if (x)
			vec_push(b->arena, &z->behind, x);
	}
}

uint32_t value_sort(const struct xml_element *e)
{
	const char *s = xml_attr(e, "sort");

	return s ? (uint32_t)strtoul(s, NULL, 10) : 0;
}

double value_breadth(const struct xml_element *e)
{
	const char *s = xml_attr(e, "breadth");

	return s ? strtod(s, NULL) : 0;
}
