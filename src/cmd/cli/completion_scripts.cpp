// The shells' side of completion. NAME is the program, FUNCTION a name made of it.
#include "cmd/cli/completion.h"

namespace ipfsc::cmd {
namespace {

constexpr std::string_view kGroup = "completion";

constexpr std::string_view kBash = R"sh(# bash completion of NAME. For this shell: source <(NAME completion bash)
_FUNCTION() {
    # Bash cuts words at "=" and ":" too; what stands together on the line is one word for the program.
    local rest=${COMP_LINE:0:COMP_POINT} word line kind breaks cut i
    local -a words=() lines=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ -z $rest || $rest == [[:space:]]* || $i -eq 0 ]]; then
            rest=${rest#"${rest%%[![:space:]]*}"}
            words+=("")
        fi
        [[ $i -eq COMP_CWORD ]] && word=${word:0:${#rest}}
        words[-1]+=$word
        rest=${rest#"$word"}
    done
    word=${words[-1]}
    mapfile -t lines < <("${words[0]/#\~/$HOME}" __complete "${words[@]:1}" 2>/dev/null)
    COMPREPLY=()
    kind=${lines[0]-}
    case $kind in
        files) compopt -o default ;;
        folders) compopt -o dirnames ;;
        list) compopt -o nospace ;;
    esac
    # Bash replaces only what stands behind the last break.
    breaks=${COMP_WORDBREAKS//[^=:]/}
    cut=
    [[ -n $breaks ]] && cut=${word%"${word##*[$breaks]}"}
    for line in "${lines[@]:1}"; do
        line=${line%%$'\t'*}
        [[ $line == "$word"* ]] && COMPREPLY+=("${line#"$cut"}")
    done
}
complete -F _FUNCTION NAME
)sh";

constexpr std::string_view kZsh = R"sh(#compdef NAME
# zsh completion of NAME: as _NAME in a folder of $fpath, or for this shell: source <(NAME completion zsh)
_FUNCTION() {
    local line kind
    local -a asked lines plain shown
    (( CURRENT > 2 )) && asked=("${(@Q)words[2,CURRENT-1]}")
    asked+=("${(Q)PREFIX}")
    lines=("${(@f)$("${(Q)${~words[1]}}" __complete "${asked[@]}" 2>/dev/null)}")
    kind=${lines[1]}
    if [[ $kind == files || $kind == folders ]]; then
        [[ $PREFIX == -*=* ]] && compset -P '*='
        if [[ $kind == files ]]; then _files; else _files -/; fi
        return
    fi
    for line in "${(@)lines[2,-1]}"; do
        [[ -n $line ]] || continue
        plain+=("${line%%$'\t'*}")
        shown+=("${line/$'\t'/  -- }")
    done
    if [[ $kind == list ]]; then
        compadd -S '' -d shown -a plain
    else
        compadd -l -d shown -a plain
    fi
}
if [[ $funcstack[1] == _NAME || $funcstack[1] == _FUNCTION ]]; then
    _FUNCTION "$@"
else
    compdef _FUNCTION NAME
fi
)sh";

constexpr std::string_view kFish =
    R"sh(# fish completion of NAME: as NAME.fish in ~/.config/fish/completions, or for this shell: NAME completion fish | source
function __FUNCTION_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l program $words[1]
    set -e words[1]
    set -l lines ($program __complete $words "$word" 2>/dev/null)
    set -l kind $lines[1]
    set -e lines[1]
    switch "$kind"
        case files folders
            set -l before (string match -r -- '^-[^=]*=' "$word")
            set -l begun (string replace -r -- '^-[^=]*=' '' "$word")
            if test "$kind" = files
                printf '%s\n' "$before"(__fish_complete_path "$begun")
            else
                printf '%s\n' "$before"(__fish_complete_directories "$begun")
            end
        case '*'
            printf '%s\n' $lines
    end
end
complete -c NAME -f -k -a '(__FUNCTION_complete)'
)sh";

std::string filled(std::string_view script, const std::string& name) {
  std::string function = name, out(script);
  for (auto& c : function) c = c == '-' ? '_' : c;
  for (const auto& [mark, value] : {std::pair<std::string_view, std::string>{"NAME", name}, {"FUNCTION", function}}) {
    for (size_t at = 0; (at = out.find(mark, at)) != std::string::npos; at += value.size()) {
      out.replace(at, mark.size(), value);
    }
  }
  return out;
}

}  // namespace

void declare_completion(CLI::App& root) {
  auto* group = root.add_subcommand(std::string(kGroup), "Print a script that completes command lines in a shell");
  group->add_subcommand("bash", "Load it with: source <(" + root.get_name() + " completion bash)");
  group->add_subcommand("zsh", "Load it with: source <(" + root.get_name() + " completion zsh)");
  group->add_subcommand("fish", "Load it with: " + root.get_name() + " completion fish | source");
}

std::string completion_script(const CLI::App& command) {
  const auto* group = command.get_parent();
  if (!group || group->get_name() != kGroup || !group->get_parent()) return "";
  std::string_view script = command.get_name() == "bash" ? kBash : command.get_name() == "zsh" ? kZsh : kFish;
  return filled(script, group->get_parent()->get_name());
}

}  // namespace ipfsc::cmd
