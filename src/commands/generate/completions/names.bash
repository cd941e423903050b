# Completes names of interfaces, which the typed wgstat prints, and of network namespaces.
# Names can contain any character that the kernel allows. Nothing here expands them, and they are offered quoted.
_wgstat_with_names() {
    local current=$2 previous=$3 command='' names='' word name
    # Bash splits --exclude=wg0 into three words.
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
            # Names with quotes or backslashes are escaped in the metrics, and skipped here.
            command "${1/#~\//$HOME/}" export-metrics --no-peers --config /dev/null 2>/dev/null </dev/null |
                sed -n 's/^wg_interface_info{.*,interface="\([^-"\\][^"\\]*\)",device_type=".*/\1/p'
        fi
    )
}

