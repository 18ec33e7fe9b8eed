#include <string.h>

#include "cli/cli.h"

/* Both ask the program itself, so they know what it knows. */
static const char bash[] =
	"# bash completion for portplan: eval \"$(portplan completion bash)\"\n"
	"_portplan()\n"
	"{\n"
	"	local cur=${COMP_WORDS[COMP_CWORD]} program=${COMP_WORDS[0]} "
	"keep= line\n"
	"	[[ $program == '~'* ]] && program=portplan\n"
	"	[[ $cur == --*=* ]] && keep=${cur%%=*}=\n"
	"	COMPREPLY=()\n"
	"	while IFS= read -r line; do\n"
	"		case $line in\n"
	"		:files) compopt -o default ;;\n"
	"		:nospace) compopt -o nospace ;;\n"
	"		*) COMPREPLY+=(\"$keep$line\") ;;\n"
	"		esac\n"
	"	done < <(\"$program\" help --complete "
	"\"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
	"}\n"
	"complete -F _portplan portplan\n";

static const char zsh[] =
	"#compdef portplan\n"
	"# zsh completion for portplan: a file _portplan in $fpath, or\n"
	"# eval \"$(portplan completion zsh)\" behind compinit\n"
	"_portplan()\n"
	"{\n"
	"	local line program=${words[1]} files= nospace=\n"
	"	local -a names\n"
	"	[[ $program == '~'* ]] && program=portplan\n"
	"	for line in ${(f)\"$($program help --complete "
	"\"${(@)words[2,CURRENT]}\" 2>/dev/null)\"}; do\n"
	"		case $line in\n"
	"		(:files) files=1 ;;\n"
	"		(:nospace) nospace=1 ;;\n"
	"		(*) names+=($line) ;;\n"
	"		esac\n"
	"	done\n"
	"	[[ $PREFIX == *=* ]] && compset -P '*='\n"
	"	if [[ -n $files ]]; then\n"
	"		_files\n"
	"	elif [[ -n $nospace ]]; then\n"
	"		compadd -S '' -- $names\n"
	"	else\n"
	"		compadd -- $names\n"
	"	fi\n"
	"}\n"
	"if [[ ${zsh_eval_context[-1]} == loadautofunc ]]; then\n"
	"	_portplan \"$@\"\n"
	"else\n"
	"	compdef _portplan portplan\n"
	"fi\n";

static int cmd_completion(struct args *a)
{
	static const char *const legal[] = { "bash", "zsh" };
	const char *shell = a->operands.v[0];
	struct buf b = { 0 };
	int code;

	if (!strcmp(shell, "bash"))
		buf_puts(&b, bash);
	else if (!strcmp(shell, "zsh"))
		buf_puts(&b, zsh);
	else
		return complain(a, "there is no completion for \"%s\"%s "
				"(legal: bash, zsh)", shell,
				did_you_mean(a->arena, shell, legal, 2));
	code = put_out(a, &b);
	buf_free(&b);
	return code;
}

const struct command command_completion = {
	.name = "completion",
	.run = cmd_completion,
	.usage = "bash|zsh",
	.summary = "print the completion for a shell",
	.description =
	  "Prints what a shell reads to complete commands, options and their "
	  "values, and the names of hosts, zones, networks, roles, firewalls "
	  "and services of the topology that the line names. make install puts "
	  "both where the shells look for them.",
	.examples = "  eval \"$(portplan completion bash)\"\n",
	.min_args = 1,
	.max_args = 1,
	.no_topology = true,
};
