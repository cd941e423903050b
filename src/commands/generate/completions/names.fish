
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

complete -c wgstat -n "__fish_wgstat_using_subcommand @COMMANDS@" -f -a "(__fish_wgstat_interfaces)"
# clap_complete's own entries for these fail before a command: its search for the command stops at a flag without a value.
complete -c wgstat -l exclude -x -a "(__fish_wgstat_interfaces)"
complete -c wgstat -l netns -x -a "(__fish_wgstat_namespaces)"
