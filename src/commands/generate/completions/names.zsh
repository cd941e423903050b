# Completes names of interfaces, which the typed wgstat prints, and of network namespaces.
# Names can contain any character that the kernel allows. Nothing here expands them, and compadd quotes them.
_wgstat_interfaces() {
    local program=${_comp_command1:-wgstat} expl
    local -a names
    # Names with quotes or backslashes are escaped in the metrics, and skipped here.
    names=("${(@f)$(command ${program/#\~\//$HOME/} export-metrics --no-peers --config /dev/null 2>/dev/null </dev/null |
        sed -n 's/^wg_interface_info{.*,interface="\([^-"\\][^"\\]*\)",device_type=".*/\1/p')}")
    _wanted interfaces expl interface compadd "$@" -a names
}

_wgstat_namespaces() {
    local expl
    local -a names
    names=(all /run/netns/*(N:t))
    if [[ $PREFIX == */* ]]; then
        _files "$@"
    else
        _wanted namespaces expl 'network namespace' compadd "$@" -a names
    fi
}

