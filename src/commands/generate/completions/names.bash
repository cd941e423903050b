# The names that clap_complete cannot know: of interfaces, asked of the wgstat that was typed, and of network namespaces.
# They may hold whatever the kernel lets a name hold: nothing here expands them, and they are offered quoted.
_wgstat_with_names() {
    local current=$2 previous=$3 command='' names='' word name
    # Bash makes three words of --exclude=wg0.
    if [[ $current == = ]]; then
        current=
    elif [[ $previous == = ]]; then
        previous=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    for word in "${COMP_WORDS[@]:1:COMP_CWORD - 1}"; do
        case $word in
        @COMMANDS@)
            command=$word
            break
            ;;
        esac
    done
    case $previous in
    --exclude) names=interfaces ;;
    --netns) [[ $current == */* ]] || names=namespaces ;;
    @OPTIONS@) ;;
    *) [[ -z $command || $current == -* ]] || names=interfaces ;;
    esac
    if [[ -z $names ]]; then
        _wgstat "$@"
        return
    fi
    COMPREPLY=()
    compopt +o default +o bashdefault 2>/dev/null
    while IFS= read -r name; do
        printf -v word %q "$name"
        if [[ $name == "$current"* || $word == "$current"* ]]; then
            COMPREPLY+=("$word")
        fi
    done < <(
        if [[ $names == namespaces ]]; then
            echo all
            for name in /run/netns/*; do
                [[ -e $name ]] && printf '%s\n' "${name##*/}"
            done
        else
            # A name that has quotes, backslashes or worse is escaped in there, and left out.
            command "${1/#~\//$HOME/}" export-metrics --no-peers --config /dev/null 2>/dev/null </dev/null |
                sed -n 's/^wg_interface_info{.*,interface="\([^-"\\][^"\\]*\)",device_type=".*/\1/p'
        fi
    )
}

