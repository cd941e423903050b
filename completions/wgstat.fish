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

complete -c wgstat -n "__fish_wgstat_needs_command" -l exclude -d 'Leave these interfaces out: names or globs; may be repeated' -r -f -a "(__fish_wgstat_interfaces)"
complete -c wgstat -n "__fish_wgstat_needs_command" -l netns -d 'Look into other network namespaces: entries of /run/netns, paths, processes by their numbers, or all; may be repeated' -r -f -a "(__fish_wgstat_namespaces)"
complete -c wgstat -n "__fish_wgstat_needs_command" -l color -d 'When to use colours; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal that has them, unless NO_COLOR is set'
always\t'Into pipes and files too'
never\t'Not on terminals either'"
complete -c wgstat -n "__fish_wgstat_needs_command" -l config -d 'Read this configuration instead of /etc/wgstat.toml' -r -F
complete -c wgstat -n "__fish_wgstat_needs_command" -l json -d 'Print one JSON document instead of text (its schema: wgstat generate schema)'
complete -c wgstat -n "__fish_wgstat_needs_command" -l strict -d 'Exit with 1 if anything could not be read'
complete -c wgstat -n "__fish_wgstat_needs_command" -l no-peers -d 'Leave the peers unread; needs no privilege'
complete -c wgstat -n "__fish_wgstat_needs_command" -s v -l verbose -d 'Say where names come from (status, stats, check), and what wgstat itself can see (check)'
complete -c wgstat -n "__fish_wgstat_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wgstat -n "__fish_wgstat_needs_command" -s V -l version -d 'Print version'
complete -c wgstat -n "__fish_wgstat_needs_command" -f -a "status" -d 'Show every WireGuard network: state, traffic, errors, drops, peers'
complete -c wgstat -n "__fish_wgstat_needs_command" -f -a "stats" -d 'Show one interface in full, and what its counters mean'
complete -c wgstat -n "__fish_wgstat_needs_command" -f -a "watch" -d 'Watch rates, errors, drops and peers as they change'
complete -c wgstat -n "__fish_wgstat_needs_command" -f -a "check" -d 'Say what is wrong, why, and what to do; for people and for monitoring'
complete -c wgstat -n "__fish_wgstat_needs_command" -f -a "export-metrics" -d 'Print Prometheus metrics, or write them for node_exporter\'s textfile collector'
complete -c wgstat -n "__fish_wgstat_needs_command" -f -a "serve" -d 'Serve a dashboard, JSON and Prometheus metrics over HTTP'
complete -c wgstat -n "__fish_wgstat_needs_command" -f -a "generate" -d 'Write the files that are packaged: manual, completions, schema, alert rules, dashboard, configuration'
complete -c wgstat -n "__fish_wgstat_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c wgstat -n "__fish_wgstat_using_subcommand status" -l exclude -d 'Leave these interfaces out: names or globs; may be repeated' -r -f -a "(__fish_wgstat_interfaces)"
complete -c wgstat -n "__fish_wgstat_using_subcommand status" -l netns -d 'Look into other network namespaces: entries of /run/netns, paths, processes by their numbers, or all; may be repeated' -r -f -a "(__fish_wgstat_namespaces)"
complete -c wgstat -n "__fish_wgstat_using_subcommand status" -l color -d 'When to use colours; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal that has them, unless NO_COLOR is set'
always\t'Into pipes and files too'
never\t'Not on terminals either'"
complete -c wgstat -n "__fish_wgstat_using_subcommand status" -l config -d 'Read this configuration instead of /etc/wgstat.toml' -r -F
complete -c wgstat -n "__fish_wgstat_using_subcommand status" -l json -d 'Print one JSON document instead of text (its schema: wgstat generate schema)'
complete -c wgstat -n "__fish_wgstat_using_subcommand status" -l strict -d 'Exit with 1 if anything could not be read'
complete -c wgstat -n "__fish_wgstat_using_subcommand status" -l no-peers -d 'Leave the peers unread; needs no privilege'
complete -c wgstat -n "__fish_wgstat_using_subcommand status" -s v -l verbose -d 'Say where names come from (status, stats, check), and what wgstat itself can see (check)'
complete -c wgstat -n "__fish_wgstat_using_subcommand status" -l all -d 'Show all peers, not just the 20 with the latest handshakes'
complete -c wgstat -n "__fish_wgstat_using_subcommand status" -l bytes -d 'Show bytes to the last digit'
complete -c wgstat -n "__fish_wgstat_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wgstat -n "__fish_wgstat_using_subcommand stats" -l exclude -d 'Leave these interfaces out: names or globs; may be repeated' -r -f -a "(__fish_wgstat_interfaces)"
complete -c wgstat -n "__fish_wgstat_using_subcommand stats" -l netns -d 'Look into other network namespaces: entries of /run/netns, paths, processes by their numbers, or all; may be repeated' -r -f -a "(__fish_wgstat_namespaces)"
complete -c wgstat -n "__fish_wgstat_using_subcommand stats" -l color -d 'When to use colours; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal that has them, unless NO_COLOR is set'
always\t'Into pipes and files too'
never\t'Not on terminals either'"
complete -c wgstat -n "__fish_wgstat_using_subcommand stats" -l config -d 'Read this configuration instead of /etc/wgstat.toml' -r -F
complete -c wgstat -n "__fish_wgstat_using_subcommand stats" -l interval -d 'Look twice, so far apart, and show rates (2s, 500ms, 1m)' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand stats" -l json -d 'Print one JSON document instead of text (its schema: wgstat generate schema)'
complete -c wgstat -n "__fish_wgstat_using_subcommand stats" -l strict -d 'Exit with 1 if anything could not be read'
complete -c wgstat -n "__fish_wgstat_using_subcommand stats" -l no-peers -d 'Leave the peers unread; needs no privilege'
complete -c wgstat -n "__fish_wgstat_using_subcommand stats" -s v -l verbose -d 'Say where names come from (status, stats, check), and what wgstat itself can see (check)'
complete -c wgstat -n "__fish_wgstat_using_subcommand stats" -l all -d 'Show all peers, not just the 20 with the latest handshakes'
complete -c wgstat -n "__fish_wgstat_using_subcommand stats" -l bytes -d 'Show the peers\' bytes to the last digit'
complete -c wgstat -n "__fish_wgstat_using_subcommand stats" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wgstat -n "__fish_wgstat_using_subcommand watch" -l exclude -d 'Leave these interfaces out: names or globs; may be repeated' -r -f -a "(__fish_wgstat_interfaces)"
complete -c wgstat -n "__fish_wgstat_using_subcommand watch" -l netns -d 'Look into other network namespaces: entries of /run/netns, paths, processes by their numbers, or all; may be repeated' -r -f -a "(__fish_wgstat_namespaces)"
complete -c wgstat -n "__fish_wgstat_using_subcommand watch" -l color -d 'When to use colours; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal that has them, unless NO_COLOR is set'
always\t'Into pipes and files too'
never\t'Not on terminals either'"
complete -c wgstat -n "__fish_wgstat_using_subcommand watch" -l config -d 'Read this configuration instead of /etc/wgstat.toml' -r -F
complete -c wgstat -n "__fish_wgstat_using_subcommand watch" -l interval -d 'Look so often (2s, 500ms, 1m)' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand watch" -l count -d 'End after so many ticks' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand watch" -l json -d 'Print one JSON document instead of text (its schema: wgstat generate schema)'
complete -c wgstat -n "__fish_wgstat_using_subcommand watch" -l strict -d 'Exit with 1 if anything could not be read'
complete -c wgstat -n "__fish_wgstat_using_subcommand watch" -l no-peers -d 'Leave the peers unread; needs no privilege'
complete -c wgstat -n "__fish_wgstat_using_subcommand watch" -s v -l verbose -d 'Say where names come from (status, stats, check), and what wgstat itself can see (check)'
complete -c wgstat -n "__fish_wgstat_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wgstat -n "__fish_wgstat_using_subcommand check" -l exclude -d 'Leave these interfaces out: names or globs; may be repeated' -r -f -a "(__fish_wgstat_interfaces)"
complete -c wgstat -n "__fish_wgstat_using_subcommand check" -l netns -d 'Look into other network namespaces: entries of /run/netns, paths, processes by their numbers, or all; may be repeated' -r -f -a "(__fish_wgstat_namespaces)"
complete -c wgstat -n "__fish_wgstat_using_subcommand check" -l color -d 'When to use colours; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal that has them, unless NO_COLOR is set'
always\t'Into pipes and files too'
never\t'Not on terminals either'"
complete -c wgstat -n "__fish_wgstat_using_subcommand check" -l config -d 'Read this configuration instead of /etc/wgstat.toml' -r -F
complete -c wgstat -n "__fish_wgstat_using_subcommand check" -l interval -d 'Look twice, so far apart (2s, 500ms, 1m); 0 looks once, and judges nothing that needs time' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand check" -l state -d 'Compare with the last run, and keep this one\'s counters in the file; the first run looks twice' -r -F
complete -c wgstat -n "__fish_wgstat_using_subcommand check" -l warn -d 'Warn if an interface passes a limit: rx_errors=100, rx_errors=0/s, tx_dropped=10/min, handshake_age=5m, or has fewer peers_online=3' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand check" -l crit -d 'The same, and it is critical' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand check" -l json -d 'Print one JSON document instead of text (its schema: wgstat generate schema)'
complete -c wgstat -n "__fish_wgstat_using_subcommand check" -l strict -d 'Exit with 1 if anything could not be read'
complete -c wgstat -n "__fish_wgstat_using_subcommand check" -l no-peers -d 'Leave the peers unread; needs no privilege'
complete -c wgstat -n "__fish_wgstat_using_subcommand check" -s v -l verbose -d 'Say where names come from (status, stats, check), and what wgstat itself can see (check)'
complete -c wgstat -n "__fish_wgstat_using_subcommand check" -l plugin -d 'Print the one line of monitoring plugins, with performance data'
complete -c wgstat -n "__fish_wgstat_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wgstat -n "__fish_wgstat_using_subcommand export-metrics" -l exclude -d 'Leave these interfaces out: names or globs; may be repeated' -r -f -a "(__fish_wgstat_interfaces)"
complete -c wgstat -n "__fish_wgstat_using_subcommand export-metrics" -l netns -d 'Look into other network namespaces: entries of /run/netns, paths, processes by their numbers, or all; may be repeated' -r -f -a "(__fish_wgstat_namespaces)"
complete -c wgstat -n "__fish_wgstat_using_subcommand export-metrics" -l color -d 'When to use colours; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal that has them, unless NO_COLOR is set'
always\t'Into pipes and files too'
never\t'Not on terminals either'"
complete -c wgstat -n "__fish_wgstat_using_subcommand export-metrics" -l config -d 'Read this configuration instead of /etc/wgstat.toml' -r -F
complete -c wgstat -n "__fish_wgstat_using_subcommand export-metrics" -l output -d 'Replace this file instead of printing; the textfile collector reads *.prom' -r -F
complete -c wgstat -n "__fish_wgstat_using_subcommand export-metrics" -l max-peers -d 'Write at most so many peers of each network, those with the latest handshakes' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand export-metrics" -l compat -d 'Write another exporter\'s metrics too, for its dashboards and rules' -r -f -a "mindflavor\t'MindFlavor\'s prometheus_wireguard_exporter'
mdlayher\t'mdlayher\'s wireguard_exporter'"
complete -c wgstat -n "__fish_wgstat_using_subcommand export-metrics" -l json -d 'Print one JSON document instead of text (its schema: wgstat generate schema)'
complete -c wgstat -n "__fish_wgstat_using_subcommand export-metrics" -l strict -d 'Exit with 1 if anything could not be read'
complete -c wgstat -n "__fish_wgstat_using_subcommand export-metrics" -l no-peers -d 'Leave the peers unread; needs no privilege'
complete -c wgstat -n "__fish_wgstat_using_subcommand export-metrics" -s v -l verbose -d 'Say where names come from (status, stats, check), and what wgstat itself can see (check)'
complete -c wgstat -n "__fish_wgstat_using_subcommand export-metrics" -l peer-endpoints -d 'Label peers with their endpoints; each time a peer roams this makes a new series'
complete -c wgstat -n "__fish_wgstat_using_subcommand export-metrics" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l exclude -d 'Leave these interfaces out: names or globs; may be repeated' -r -f -a "(__fish_wgstat_interfaces)"
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l netns -d 'Look into other network namespaces: entries of /run/netns, paths, processes by their numbers, or all; may be repeated' -r -f -a "(__fish_wgstat_namespaces)"
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l color -d 'When to use colours; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal that has them, unless NO_COLOR is set'
always\t'Into pipes and files too'
never\t'Not on terminals either'"
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l config -d 'Read this configuration instead of /etc/wgstat.toml' -r -F
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l listen -d 'Listen at this address and port, or on unix:PATH; may be repeated [default: 127.0.0.1:9586, or systemd\'s sockets]' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l listen-mode -d 'Mode of socket files, in octal' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l poll -d 'Take a sample in the background so often: for rates, what needs time, and the charts [default: 30s]' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l max-connections -d 'Serve so many connections at a time [default: 64]' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l allow-host -d 'Answer to this host name too, as behind a reverse proxy; may be repeated' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l web.config.file -d 'TLS and users, in the format of Prometheus\' exporters; read again when it changes' -r -F
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l max-peers -d 'Write at most so many peers of each network, those with the latest handshakes' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l compat -d 'Write another exporter\'s metrics too, for its dashboards and rules' -r -f -a "mindflavor\t'MindFlavor\'s prometheus_wireguard_exporter'
mdlayher\t'mdlayher\'s wireguard_exporter'"
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l json -d 'Print one JSON document instead of text (its schema: wgstat generate schema)'
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l strict -d 'Exit with 1 if anything could not be read'
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l no-peers -d 'Leave the peers unread; needs no privilege'
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -s v -l verbose -d 'Say where names come from (status, stats, check), and what wgstat itself can see (check)'
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -l peer-endpoints -d 'Show peers\' endpoints to everyone, not only to clients that proved who they are; and label peers with them'
complete -c wgstat -n "__fish_wgstat_using_subcommand serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wgstat -n "__fish_wgstat_using_subcommand generate" -l exclude -d 'Leave these interfaces out: names or globs; may be repeated' -r -f -a "(__fish_wgstat_interfaces)"
complete -c wgstat -n "__fish_wgstat_using_subcommand generate" -l netns -d 'Look into other network namespaces: entries of /run/netns, paths, processes by their numbers, or all; may be repeated' -r -f -a "(__fish_wgstat_namespaces)"
complete -c wgstat -n "__fish_wgstat_using_subcommand generate" -l color -d 'When to use colours; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal that has them, unless NO_COLOR is set'
always\t'Into pipes and files too'
never\t'Not on terminals either'"
complete -c wgstat -n "__fish_wgstat_using_subcommand generate" -l config -d 'Read this configuration instead of /etc/wgstat.toml' -r -F
complete -c wgstat -n "__fish_wgstat_using_subcommand generate" -l rx-errors -d 'Receive errors per second that are still well [default: 0]' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand generate" -l tx-errors -d 'Transmit errors per second that are still well [default: 0]' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand generate" -l rx-dropped -d 'Receive drops per second that are still well [default: 0]' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand generate" -l tx-dropped -d 'Transmit drops per second that are still well [default: 0]' -r -f
complete -c wgstat -n "__fish_wgstat_using_subcommand generate" -l json -d 'Print one JSON document instead of text (its schema: wgstat generate schema)'
complete -c wgstat -n "__fish_wgstat_using_subcommand generate" -l strict -d 'Exit with 1 if anything could not be read'
complete -c wgstat -n "__fish_wgstat_using_subcommand generate" -l no-peers -d 'Leave the peers unread; needs no privilege'
complete -c wgstat -n "__fish_wgstat_using_subcommand generate" -s v -l verbose -d 'Say where names come from (status, stats, check), and what wgstat itself can see (check)'
complete -c wgstat -n "__fish_wgstat_using_subcommand generate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wgstat -n "__fish_wgstat_using_subcommand help; and not __fish_seen_subcommand_from status stats watch check export-metrics serve generate help" -f -a "status" -d 'Show every WireGuard network: state, traffic, errors, drops, peers'
complete -c wgstat -n "__fish_wgstat_using_subcommand help; and not __fish_seen_subcommand_from status stats watch check export-metrics serve generate help" -f -a "stats" -d 'Show one interface in full, and what its counters mean'
complete -c wgstat -n "__fish_wgstat_using_subcommand help; and not __fish_seen_subcommand_from status stats watch check export-metrics serve generate help" -f -a "watch" -d 'Watch rates, errors, drops and peers as they change'
complete -c wgstat -n "__fish_wgstat_using_subcommand help; and not __fish_seen_subcommand_from status stats watch check export-metrics serve generate help" -f -a "check" -d 'Say what is wrong, why, and what to do; for people and for monitoring'
complete -c wgstat -n "__fish_wgstat_using_subcommand help; and not __fish_seen_subcommand_from status stats watch check export-metrics serve generate help" -f -a "export-metrics" -d 'Print Prometheus metrics, or write them for node_exporter\'s textfile collector'
complete -c wgstat -n "__fish_wgstat_using_subcommand help; and not __fish_seen_subcommand_from status stats watch check export-metrics serve generate help" -f -a "serve" -d 'Serve a dashboard, JSON and Prometheus metrics over HTTP'
complete -c wgstat -n "__fish_wgstat_using_subcommand help; and not __fish_seen_subcommand_from status stats watch check export-metrics serve generate help" -f -a "generate" -d 'Write the files that are packaged: manual, completions, schema, alert rules, dashboard, configuration'
complete -c wgstat -n "__fish_wgstat_using_subcommand help; and not __fish_seen_subcommand_from status stats watch check export-metrics serve generate help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'

# The names that clap_complete cannot know: of interfaces, asked of the wgstat that was typed, and of network namespaces.
# They may hold whatever the kernel lets a name hold: nothing here expands them, and fish quotes them.
function __fish_wgstat_interfaces
    set -l words (commandline -opc)
    set -l program (string replace -r '^~(?=/)' "$HOME" -- $words[1])
    command -q $program
    or return
    # A name that has quotes, backslashes or worse is escaped in there, and left out.
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
# What clap_complete writes for these is not offered before a command: its search for one fails at a flag without its value.
complete -c wgstat -l exclude -x -a "(__fish_wgstat_interfaces)"
complete -c wgstat -l netns -x -a "(__fish_wgstat_namespaces)"
