# The names that clap_complete cannot know: of interfaces, asked of the wgstat that was typed, and of network namespaces.
# They may hold whatever the kernel lets a name hold: nothing here expands them, and compadd quotes them.
_wgstat_interfaces() {
    local program=${_comp_command1:-wgstat} expl
    local -a names
    # A name that has quotes, backslashes or worse is escaped in there, and left out.
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

