/* Lists of hosts: the first byte chooses the format, or none, to be guessed;
 * one choice is the map of words. */
#include <stdint.h>

#include "inventory/map.h"
#include "topology/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = arena_new();
	struct inventory v = { .arena = a };
	struct inv_map m = { .rules = { 0 } };
	struct source *src;
	struct diags d;

	diags_init(&d, a);
	v.d = &d;
	src = n ? source_from_text(a, "fuzz", arena_strndup(a,
				(const char *)data + 1, n - 1), n - 1, &d) :
		NULL;
	if (src && data[0] % 6 == 5)
		inv_map_read(a, src, &m, &d);
	else if (src)
		inventory_read(&v, src, data[0] % 6 == 4 ?
			       inventory_guess(src) :
			       (enum inv_format)(data[0] % 6));
	arena_free(a);
	return 0;
}
