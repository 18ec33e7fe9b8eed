#include "topology/domains.h"

#include <string.h>

enum { MOST_DOMAIN = 253, MOST_LABEL = 63 };

static bool label_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool domain_valid(const char *s, const char **why)
{
	size_t labels = 0;

	*why = NULL;
	if (!*s)
		*why = "is empty";
	else if (strlen(s) > MOST_DOMAIN)
		*why = "is longer than 253 characters";
	for (const char *p = s; *p && !*why; labels++) {
		size_t n = 0;

		while (label_char(p[n]))
			n++;
		if (p[n] && p[n] != '.')
			*why = (unsigned char)p[n] >= 0x80 ?
				"is not ASCII: write its xn-- form" :
				"is no domain name";
		else if (n == 0 || n > MOST_LABEL || *p == '-' ||
			 p[n - 1] == '-')
			*why = "has a label that is empty, longer than 63 "
			       "characters, or begins or ends with a hyphen";
		else if (p[n] == '.' && !p[n + 1])
			*why = "ends with a dot: leave it away";
		p += n + (p[n] == '.');
	}
	if (!*why && labels < 2)
		*why = "has no dot";
	return !*why;
}
