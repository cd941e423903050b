# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_wgstat_global_optspecs
    string join \n json exclude= netns= color= strict no-peers config= v/verbose h/help V/version
end

function __fish_wgstat_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_wgstat_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_wgstat_using_subcommand
    set -l cmd (__fish_wgstat_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c wgstat -n "__fish_wgstat_needs_command" -l exclude -d 'Exclude interfaces by name or glob; may be repeated' -r -f -a "(__fish_wgstat_interfaces)"
complete -c wgstat -n "__fish_wgstat_needs_command" -l netns -d 'Read other network namespaces: a name in /run/netns, a path, a PID, or all; may be repeated' -r -f -a "(__fish_wgstat_namespaces)"
complete -c wgstat -n "__fish_wgstat_needs_command" -l color -d 'When to use colours [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always, also in pipes and files'
never\t'Never'"
complete -c wgstat -n "__fish_wgstat_needs_command" -l config -d 'Read this configuration file instead of /etc/wgstat.toml' -r -F
complete -c wgstat -n "__fish_wgstat_needs_command" -l json -d 'Print JSON instead of text'
complete -c wgstat -n "__fish_wgstat_needs_command" -l strict -d 'Exit with status 1 if anything could not be read'
complete -c wgstat -n "__fish_wgstat_needs_command" -l no-peers -d 'Do not read peers; no privileges needed'
complete -c wgstat -n "__fish_wgstat_needs_command" -s v -l verbose -d 'Show where names come from (status, stats, check) and what wgstat can read (check)'
complete -c wgstat -n "__fish_wgstat_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wgstat -n "__fish_wgstat_needs_command" -s V -l version -d 'Print version'
complete -c wgstat -n "__fish_wgstat_needs_command" -f -a "status" -d 'Show all WireGuard interfaces: state, traffic, errors, drops, peers'
complete -c wgstat -n "__fish_wgstat_needs_command" -f -a "stats" -d 'Show one interface in detail and explain its counters'
complete -c wgstat -n "__fish_wgstat_needs_command" -f -a "watch" -d 'Show rates, errors, drops and peers live'
complete -c wgstat -n "__fish_wgstat_needs_command" -f -a "check" -d 'Find problems and suggest fixes, for people and for monitoring'
complete -c wgstat -n "__fish_wgstat_needs_command" -f -a "export-metrics" -d 'Print Prometheus metrics, or write them for node_exporter\'s textfile collector'
complete -c wgstat -n "__fish_wgstat_needs_command" -f -a "serve" -d 'Serve a dashboard, JSON and Prometheus metrics over HTTP'
complete -c wgstat -n "__fish_wgstat_needs_command" -f -a "generate" -d 'Generate man pages, completions, JSON Schema, alert rules, a dashboard or a configuration file'
complete -c wgstat -n "__fish_wgstat_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c wgstat -n "__fish_wgstat_using_subcommand status" -l exclude -d 'Exclude interfaces by name or glob; may be repeated' -r -f -a "(__fish_wgstat_interfaces)"
complete -c wgstat -n "__fish_wgstat_using_subcommand status" -l netns -d 'Read other network namespaces: a name in /run/netns, a path, a PID, or all; may be repeated' -r -f -a "(__fish_wgstat_namespaces)"
complete -c wgstat -n "__fish_wgstat_using_subcommand status" -l color -d 'When to use colours [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always, also in pipes and files'
never\t'Never'"
complete -c wgstat -n "__fish_wgstat_using_subcommand status" -l config -d 'Read this configuration file instead of /etc/wgstat.toml' -r -F
complete -c wgstat -n "__fish_wgstat_using_subcommand status" -l all -d 'Show all peers, not only the 20 with the latest handshakes'
complete -c wgstat -n "__fish_wgstat_using_subcommand status" -l bytes -d 'Show exact byte counts'
complete -c wgstat -n "__fish_wgstat_using_subcommand status" -l json -d 'Print JSON instead of text'
complete -c wgstat -n "__fish_wgstat_using_subcommand status" -l strict -d 'Exit with status 1 if anything could not be read'
complete -c wgstat -n "__fish_wgstat_using_subcommand status" -l no-peers -d 'Do not read peers; no privileges needed'
complete -c wgstat -n "__fish_wgstat_using_subcommand status" -s v -l verbose -d 'Show where names come from (status, stats, check) and what wgstat can read (check)'
complete -c wgstat -n "__fish_wgstat_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wgstat -n "__fish_wgstat_using_subcommand stats" -l interval -d 'Sample twice, INTERVAL apart, and show rates (2s, 500ms, 1m)' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand stats" -l exclude -d 'Exclude interfaces by name or glob; may be repeated' -r -f -a "(__fish_wgstat_interfaces)"
complete -c wgstat -n "__fish_wgstat_using_subcommand stats" -l netns -d 'Read other network namespaces: a name in /run/netns, a path, a PID, or all; may be repeated' -r -f -a "(__fish_wgstat_namespaces)"
complete -c wgstat -n "__fish_wgstat_using_subcommand stats" -l color -d 'When to use colours [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always, also in pipes and files'
never\t'Never'"
complete -c wgstat -n "__fish_wgstat_using_subcommand stats" -l config -d 'Read this configuration file instead of /etc/wgstat.toml' -r -F
complete -c wgstat -n "__fish_wgstat_using_subcommand stats" -l all -d 'Show all peers, not only the 20 with the latest handshakes'
complete -c wgstat -n "__fish_wgstat_using_subcommand stats" -l bytes -d 'Show exact byte counts of peers'
complete -c wgstat -n "__fish_wgstat_using_subcommand stats" -l json -d 'Print JSON instead of text'
complete -c wgstat -n "__fish_wgstat_using_subcommand stats" -l strict -d 'Exit with status 1 if anything could not be read'
complete -c wgstat -n "__fish_wgstat_using_subcommand stats" -l no-peers -d 'Do not read peers; no privileges needed'
complete -c wgstat -n "__fish_wgstat_using_subcommand stats" -s v -l verbose -d 'Show where names come from (status, stats, check) and what wgstat can read (check)'
complete -c wgstat -n "__fish_wgstat_using_subcommand stats" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wgstat -n "__fish_wgstat_using_subcommand watch" -l interval -d 'Refresh interval (2s, 500ms, 1m)' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand watch" -l count -d 'Stop after N updates' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand watch" -l exclude -d 'Exclude interfaces by name or glob; may be repeated' -r -f -a "(__fish_wgstat_interfaces)"
complete -c wgstat -n "__fish_wgstat_using_subcommand watch" -l netns -d 'Read other network namespaces: a name in /run/netns, a path, a PID, or all; may be repeated' -r -f -a "(__fish_wgstat_namespaces)"
complete -c wgstat -n "__fish_wgstat_using_subcommand watch" -l color -d 'When to use colours [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always, also in pipes and files'
never\t'Never'"
complete -c wgstat -n "__fish_wgstat_using_subcommand watch" -l config -d 'Read this configuration file instead of /etc/wgstat.toml' -r -F
complete -c wgstat -n "__fish_wgstat_using_subcommand watch" -l json -d 'Print JSON instead of text'
complete -c wgstat -n "__fish_wgstat_using_subcommand watch" -l strict -d 'Exit with status 1 if anything could not be read'
complete -c wgstat -n "__fish_wgstat_using_subcommand watch" -l no-peers -d 'Do not read peers; no privileges needed'
complete -c wgstat -n "__fish_wgstat_using_subcommand watch" -s v -l verbose -d 'Show where names come from (status, stats, check) and what wgstat can read (check)'
complete -c wgstat -n "__fish_wgstat_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wgstat -n "__fish_wgstat_using_subcommand check" -l interval -d 'Sample twice, INTERVAL apart (2s, 500ms, 1m); 0 samples once and skips findings that need two samples' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand check" -l state -d 'Compare with the counters that the last run saved in FILE; the first run samples twice' -r -F
complete -c wgstat -n "__fish_wgstat_using_subcommand check" -l warn -d 'Warn if a counter exceeds its limit (rx_errors=100, rx_errors=0/s, tx_dropped=10/min), a handshake is older (handshake_age=5m), or fewer peers are online (peers_online=3); may be repeated' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand check" -l crit -d 'Like --warn, but critical' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand check" -l exclude -d 'Exclude interfaces by name or glob; may be repeated' -r -f -a "(__fish_wgstat_interfaces)"
complete -c wgstat -n "__fish_wgstat_using_subcommand check" -l netns -d 'Read other network namespaces: a name in /run/netns, a path, a PID, or all; may be repeated' -r -f -a "(__fish_wgstat_namespaces)"
complete -c wgstat -n "__fish_wgstat_using_subcommand check" -l color -d 'When to use colours [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always, also in pipes and files'
never\t'Never'"
complete -c wgstat -n "__fish_wgstat_using_subcommand check" -l config -d 'Read this configuration file instead of /etc/wgstat.toml' -r -F
complete -c wgstat -n "__fish_wgstat_using_subcommand check" -l plugin -d 'Print one line in the format of monitoring plugins, with performance data'
complete -c wgstat -n "__fish_wgstat_using_subcommand check" -l json -d 'Print JSON instead of text'
complete -c wgstat -n "__fish_wgstat_using_subcommand check" -l strict -d 'Exit with status 1 if anything could not be read'
complete -c wgstat -n "__fish_wgstat_using_subcommand check" -l no-peers -d 'Do not read peers; no privileges needed'
complete -c wgstat -n "__fish_wgstat_using_subcommand check" -s v -l verbose -d 'Show where names come from (status, stats, check) and what wgstat can read (check)'
complete -c wgstat -n "__fish_wgstat_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wgstat -n "__fish_wgstat_using_subcommand export-metrics" -l output -d 'Write to FILE instead of standard output; the textfile collector reads *.prom' -r -F
complete -c wgstat -n "__fish_wgstat_using_subcommand export-metrics" -l max-peers -d 'Maximum number of peers per interface; those with the latest handshakes are exported' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand export-metrics" -l compat -d 'Also export the metrics of another exporter, for its dashboards and alert rules' -r -f -a "mindflavor\t'MindFlavor\'s prometheus_wireguard_exporter'
mdlayher\t'mdlayher\'s wireguard_exporter'"
complete -c wgstat -n "__fish_wgstat_using_subcommand export-metrics" -l exclude -d 'Exclude interfaces by name or glob; may be repeated' -r -f -a "(__fish_wgstat_interfaces)"
complete -c wgstat -n "__fish_wgstat_using_subcommand export-metrics" -l netns -d 'Read other network namespaces: a name in /run/netns, a path, a PID, or all; may be repeated' -r -f -a "(__fish_wgstat_namespaces)"
complete -c wgstat -n "__fish_wgstat_using_subcommand export-metrics" -l color -d 'When to use colours [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always, also in pipes and files'
never\t'Never'"
complete -c wgstat -n "__fish_wgstat_using_subcommand export-metrics" -l config -d 'Read this configuration file instead of /etc/wgstat.toml' -r -F
complete -c wgstat -n "__fish_wgstat_using_subcommand export-metrics" -l peer-endpoints -d 'Add the endpoint label to wg_peer_info; each time a peer roams, a new series begins'
complete -c wgstat -n "__fish_wgstat_using_subcommand export-metrics" -l json -d 'Print JSON instead of text'
complete -c wgstat -n "__fish_wgstat_using_subcommand export-metrics" -l strict -d 'Exit with status 1 if anything could not be read'
complete -c wgstat -n "__fish_wgstat_using_subcommand export-metrics" -l no-peers -d 'Do not read peers; no privileges needed'
complete -c wgstat -n "__fish_wgstat_using_subcommand export-metrics" -s v -l verbose -d 'Show where names come from (status, stats, check) and what wgstat can read (check)'
complete -c wgstat -n "__fish_wgstat_using_subcommand export-metrics" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l listen -d 'Listen on this address and port, or on unix:PATH; may be repeated [default: 127.0.0.1:9586, or systemd sockets]' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l listen-mode -d 'File mode of Unix sockets, in octal' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l poll -d 'Interval of background samples, for rates, charts and findings that need time [default: 30s]' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l max-connections -d 'Maximum number of concurrent connections [default: 64]' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l allow-host -d 'Accept requests for this host name too, e.g. from a reverse proxy; may be repeated' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l web.config.file -d 'TLS and users, in the format of Prometheus exporters; reloaded when the file changes' -r -F
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l max-peers -d 'Maximum number of peers per interface; those with the latest handshakes are exported' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l compat -d 'Also export the metrics of another exporter, for its dashboards and alert rules' -r -f -a "mindflavor\t'MindFlavor\'s prometheus_wireguard_exporter'
mdlayher\t'mdlayher\'s wireguard_exporter'"
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l exclude -d 'Exclude interfaces by name or glob; may be repeated' -r -f -a "(__fish_wgstat_interfaces)"
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l netns -d 'Read other network namespaces: a name in /run/netns, a path, a PID, or all; may be repeated' -r -f -a "(__fish_wgstat_namespaces)"
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l color -d 'When to use colours [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always, also in pipes and files'
never\t'Never'"
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l config -d 'Read this configuration file instead of /etc/wgstat.toml' -r -F
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l peer-endpoints -d 'Show peer endpoints to all clients, not only to authenticated ones, and add them to the metrics'
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l json -d 'Print JSON instead of text'
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l strict -d 'Exit with status 1 if anything could not be read'
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l no-peers -d 'Do not read peers; no privileges needed'
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -s v -l verbose -d 'Show where names come from (status, stats, check) and what wgstat can read (check)'
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wgstat -n "__fish_wgstat_using_subcommand generate" -l rx-errors -d 'Tolerated receive errors per second [default: 0]' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand generate" -l tx-errors -d 'Tolerated transmit errors per second [default: 0]' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand generate" -l rx-dropped -d 'Tolerated receive drops per second [default: 0]' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand generate" -l tx-dropped -d 'Tolerated transmit drops per second [default: 0]' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand generate" -l exclude -d 'Exclude interfaces by name or glob; may be repeated' -r -f -a "(__fish_wgstat_interfaces)"
complete -c wgstat -n "__fish_wgstat_using_subcommand generate" -l netns -d 'Read other network namespaces: a name in /run/netns, a path, a PID, or all; may be repeated' -r -f -a "(__fish_wgstat_namespaces)"
complete -c wgstat -n "__fish_wgstat_using_subcommand generate" -l color -d 'When to use colours [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always, also in pipes and files'
never\t'Never'"
complete -c wgstat -n "__fish_wgstat_using_subcommand generate" -l config -d 'Read this configuration file instead of /etc/wgstat.toml' -r -F
complete -c wgstat -n "__fish_wgstat_using_subcommand generate" -l json -d 'Print JSON instead of text'
complete -c wgstat -n "__fish_wgstat_using_subcommand generate" -l strict -d 'Exit with status 1 if anything could not be read'
complete -c wgstat -n "__fish_wgstat_using_subcommand generate" -l no-peers -d 'Do not read peers; no privileges needed'
complete -c wgstat -n "__fish_wgstat_using_subcommand generate" -s v -l verbose -d 'Show where names come from (status, stats, check) and what wgstat can read (check)'
complete -c wgstat -n "__fish_wgstat_using_subcommand generate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wgstat -n "__fish_wgstat_using_subcommand help; and not __fish_seen_subcommand_from status stats watch check export-metrics serve generate help" -f -a "status" -d 'Show all WireGuard interfaces: state, traffic, errors, drops, peers'
complete -c wgstat -n "__fish_wgstat_using_subcommand help; and not __fish_seen_subcommand_from status stats watch check export-metrics serve generate help" -f -a "stats" -d 'Show one interface in detail and explain its counters'
complete -c wgstat -n "__fish_wgstat_using_subcommand help; and not __fish_seen_subcommand_from status stats watch check export-metrics serve generate help" -f -a "watch" -d 'Show rates, errors, drops and peers live'
complete -c wgstat -n "__fish_wgstat_using_subcommand help; and not __fish_seen_subcommand_from status stats watch check export-metrics serve generate help" -f -a "check" -d 'Find problems and suggest fixes, for people and for monitoring'
complete -c wgstat -n "__fish_wgstat_using_subcommand help; and not __fish_seen_subcommand_from status stats watch check export-metrics serve generate help" -f -a "export-metrics" -d 'Print Prometheus metrics, or write them for node_exporter\'s textfile collector'
complete -c wgstat -n "__fish_wgstat_using_subcommand help; and not __fish_seen_subcommand_from status stats watch check export-metrics serve generate help" -f -a "serve" -d 'Serve a dashboard, JSON and Prometheus metrics over HTTP'
complete -c wgstat -n "__fish_wgstat_using_subcommand help; and not __fish_seen_subcommand_from status stats watch check export-metrics serve generate help" -f -a "generate" -d 'Generate man pages, completions, JSON Schema, alert rules, a dashboard or a configuration file'
complete -c wgstat -n "__fish_wgstat_using_subcommand help; and not __fish_seen_subcommand_from status stats watch check export-metrics serve generate help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'

# Completes names of interfaces, which the typed wgstat prints, and of network namespaces.
# Names can contain any character that the kernel allows. Nothing here expands them, and fish quotes them.
function __fish_wgstat_interfaces
    set -l words (commandline -opc)
    set -l program (string replace -r '^~(?=/)' "$HOME" -- $words[1])
    command -q $program
    or return
    # Names with quotes or backslashes are escaped in the metrics, and skipped here.
    command $program export-metrics --no-peers --config /dev/null 2>/dev/null </dev/null |
        string replace -rf '^wg_interface_info\{.*,interface="([^-"\\\\][^"\\\\]*)",device_type=".*' '$1'
end

function __fish_wgstat_namespaces
    set -l current (commandline -ct)
    if string match -q '*/*' -- $current
        __fish_complete_path (string replace -r '^--netns=' '' -- $current)
        return
    end
    echo all
    for name in /run/netns/*
        string replace -r '.*/' '' -- $name
    end
end

complete -c wgstat -n "__fish_wgstat_using_subcommand status stats watch check export-metrics serve" -f -a "(__fish_wgstat_interfaces)"
# clap_complete's own entries for these fail before a command: its search for the command stops at a flag without a value.
complete -c wgstat -l exclude -x -a "(__fish_wgstat_interfaces)"
complete -c wgstat -l netns -x -a "(__fish_wgstat_namespaces)"
