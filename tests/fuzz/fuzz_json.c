/* Bytes as JSON, and as the text of a picture. */
#include "base/json_read.h"
#include "draw/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct buf b = { 0 };
	struct source src = { "f", NULL, size, 1 };
	struct diags d;
	const char *s;

	diags_init(&d, a);
	src.text = arena_strndup(a, (const char *)data, size);
	if (json_read(a, &src, &d))
		d.n_errors++;
	diags_print(&d, &b, 20);
	s = src.text;
	text_wrap(a, s, 100, 11);
	text_xml(&b, text_fit(a, s, 100, 11, true));
	buf_free(&b);
	arena_free(a);
	return 0;
}
