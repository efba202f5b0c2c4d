# bash completion for midwire. Made by `cargo xtask completions`. Do not edit.

_midwire_dump() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    COMPREPLY=()
    case $prev in
        --set) compopt -o nospace; COMPREPLY=($(compgen -W 'add_upstream_certs_to_client_chain= allow_hosts= anticache= anticomp= block_global= block_list= block_private= body_size_limit= cert_passphrase= certs= ciphers_client= ciphers_server= client_body_timeout= client_certs= client_header_timeout= client_idle_timeout= client_replay= client_replay_concurrency= client_tls_timeout= client_write_timeout= command_history= confdir= connect_addr= connection_strategy= content_decode_limit= content_view_lines_cutoff= content_view_size_limit= dns_name_servers= dns_use_hosts_file= dumper_default_contentview= dumper_filter= explain= export_preserve_original_ip= flow_detail= hardump= header_count_limit= header_size_limit= http2= http2_max_concurrent_streams= http2_max_resets= http2_ping_keepalive= http3= http_connect_send_host_header= ignore_hosts= keep_alt_svc_header= keep_host_header= keepserving= key_size= listen_host= listen_port= map_local= map_remote= max_connections= mode= modify_body= modify_headers= normalize_outbound_headers= offline= onboarding= onboarding_host= protobuf_definitions= proxy_debug= proxyauth= rawtcp= readfile_filter= request_client_cert= rfile= save_stream_error= save_stream_file= save_stream_filter= script_error= script_python= script_timeout= script_workers= scripts= server= server_connect_timeout= server_replay= server_replay_extra= server_replay_ignore_content= server_replay_ignore_host= server_replay_ignore_params= server_replay_ignore_payload_params= server_replay_ignore_port= server_replay_kill_extra= server_replay_nopop= server_replay_record_new= server_replay_refresh= server_replay_reuse= server_replay_use_headers= server_response_timeout= show_ignored_hosts= showhost= ssl_insecure= ssl_verify_upstream_trusted_ca= ssl_verify_upstream_trusted_confdir= stickyauth= stickycookie= store_streamed_bodies= stream_large_bodies= strip_ech= tcp_hosts= tcp_timeout= termlog_verbosity= tls_ecdh_curve_client= tls_ecdh_curve_server= tls_failure= tls_version_client_max= tls_version_client_min= tls_version_server_max= tls_version_server_min= udp_hosts= upstream_auth= upstream_cert= validate_inbound_headers= websocket= websocket_message_limit=' -- "$cur")); return ;;
        --confdir) compopt -o filenames; COMPREPLY=($(compgen -d -- "$cur")); return ;;
        --allow-hosts) :; return ;;
        --cert-passphrase) :; return ;;
        --certs) :; return ;;
        --client-replay|-C) compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --flow-detail) :; return ;;
        --ignore-hosts) :; return ;;
        --listen-host) :; return ;;
        --listen-port|-p) :; return ;;
        --map-local) :; return ;;
        --map-remote|-M) :; return ;;
        --mode|-m) :; return ;;
        --modify-body|-B) :; return ;;
        --modify-headers|-H) :; return ;;
        --proxyauth) :; return ;;
        --rfile|-r) compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --save-stream-file|-w) compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --scripts|-s) compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --server-replay|-S) compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --server-replay-extra) COMPREPLY=($(compgen -W 'forward kill 204 400 404 500' -- "$cur")); return ;;
        --stickyauth) :; return ;;
        --stickycookie) :; return ;;
        --tcp-hosts) :; return ;;
        --upstream-auth) :; return ;;
    esac
    [[ $cur == -* ]] && COMPREPLY=($(compgen -W '-h --help --version --options --commands --set --confdir -q --quiet -v --verbose --allow-hosts --no-anticache --anticache --no-anticomp --anticomp --cert-passphrase --certs --client-replay -C --no-explain --explain --flow-detail --no-http2 --http2 --ignore-hosts --listen-host --listen-port -p --map-local --map-remote -M --mode -m --modify-body -B --modify-headers -H --no-offline --offline --proxyauth --no-rawtcp --rawtcp --rfile -r --save-stream-file -w --scripts -s --no-server -n --server --server-replay -S --server-replay-extra --no-server-replay-kill-extra --server-replay-kill-extra --no-server-replay-record-new --server-replay-record-new --no-server-replay-refresh --server-replay-refresh --no-server-replay-reuse --server-replay-reuse --no-show-ignored-hosts --show-ignored-hosts --no-showhost --showhost --no-ssl-insecure --ssl-insecure -k --stickyauth --stickycookie --no-store-streamed-bodies --store-streamed-bodies --tcp-hosts --upstream-auth' -- "$cur"))
}

_midwire_mitmdump() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    COMPREPLY=()
    case $prev in
        --set) compopt -o nospace; COMPREPLY=($(compgen -W 'add_upstream_certs_to_client_chain= allow_hosts= anticache= anticomp= block_global= block_list= block_private= body_size_limit= cert_passphrase= certs= ciphers_client= ciphers_server= client_body_timeout= client_certs= client_header_timeout= client_idle_timeout= client_replay= client_replay_concurrency= client_tls_timeout= client_write_timeout= command_history= confdir= connect_addr= connection_strategy= content_decode_limit= content_view_lines_cutoff= content_view_size_limit= dns_name_servers= dns_use_hosts_file= dumper_default_contentview= dumper_filter= explain= export_preserve_original_ip= flow_detail= hardump= header_count_limit= header_size_limit= http2= http2_max_concurrent_streams= http2_max_resets= http2_ping_keepalive= http3= http_connect_send_host_header= ignore_hosts= keep_alt_svc_header= keep_host_header= keepserving= key_size= listen_host= listen_port= map_local= map_remote= max_connections= mode= modify_body= modify_headers= normalize_outbound_headers= offline= onboarding= onboarding_host= protobuf_definitions= proxy_debug= proxyauth= rawtcp= readfile_filter= request_client_cert= rfile= save_stream_error= save_stream_file= save_stream_filter= script_error= script_python= script_timeout= script_workers= scripts= server= server_connect_timeout= server_replay= server_replay_extra= server_replay_ignore_content= server_replay_ignore_host= server_replay_ignore_params= server_replay_ignore_payload_params= server_replay_ignore_port= server_replay_kill_extra= server_replay_nopop= server_replay_record_new= server_replay_refresh= server_replay_reuse= server_replay_use_headers= server_response_timeout= show_ignored_hosts= showhost= ssl_insecure= ssl_verify_upstream_trusted_ca= ssl_verify_upstream_trusted_confdir= stickyauth= stickycookie= store_streamed_bodies= stream_large_bodies= strip_ech= tcp_hosts= tcp_timeout= termlog_verbosity= tls_ecdh_curve_client= tls_ecdh_curve_server= tls_failure= tls_version_client_max= tls_version_client_min= tls_version_server_max= tls_version_server_min= udp_hosts= upstream_auth= upstream_cert= validate_inbound_headers= websocket= websocket_message_limit=' -- "$cur")); return ;;
        --confdir) compopt -o filenames; COMPREPLY=($(compgen -d -- "$cur")); return ;;
        --allow-hosts) :; return ;;
        --cert-passphrase) :; return ;;
        --certs) :; return ;;
        --client-replay|-C) compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --flow-detail) :; return ;;
        --ignore-hosts) :; return ;;
        --listen-host) :; return ;;
        --listen-port|-p) :; return ;;
        --map-local) :; return ;;
        --map-remote|-M) :; return ;;
        --mode|-m) :; return ;;
        --modify-body|-B) :; return ;;
        --modify-headers|-H) :; return ;;
        --proxyauth) :; return ;;
        --rfile|-r) compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --save-stream-file|-w) compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --scripts|-s) compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --server-replay|-S) compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --server-replay-extra) COMPREPLY=($(compgen -W 'forward kill 204 400 404 500' -- "$cur")); return ;;
        --stickyauth) :; return ;;
        --stickycookie) :; return ;;
        --tcp-hosts) :; return ;;
        --upstream-auth) :; return ;;
    esac
    [[ $cur == -* ]] && COMPREPLY=($(compgen -W '-h --help --version --options --commands --set --confdir -q --quiet -v --verbose --allow-hosts --no-anticache --anticache --no-anticomp --anticomp --cert-passphrase --certs --client-replay -C --no-explain --explain --flow-detail --no-http2 --http2 --ignore-hosts --listen-host --listen-port -p --map-local --map-remote -M --mode -m --modify-body -B --modify-headers -H --no-offline --offline --proxyauth --no-rawtcp --rawtcp --rfile -r --save-stream-file -w --scripts -s --no-server -n --server --server-replay -S --server-replay-extra --no-server-replay-kill-extra --server-replay-kill-extra --no-server-replay-record-new --server-replay-record-new --no-server-replay-refresh --server-replay-refresh --no-server-replay-reuse --server-replay-reuse --no-show-ignored-hosts --show-ignored-hosts --no-showhost --showhost --no-ssl-insecure --ssl-insecure -k --stickyauth --stickycookie --no-store-streamed-bodies --store-streamed-bodies --tcp-hosts --upstream-auth' -- "$cur"))
}

_midwire_mitmproxy() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    COMPREPLY=()
    case $prev in
        --set) compopt -o nospace; COMPREPLY=($(compgen -W 'add_upstream_certs_to_client_chain= allow_hosts= anticache= anticomp= block_global= block_list= block_private= body_size_limit= cert_passphrase= certs= ciphers_client= ciphers_server= client_body_timeout= client_certs= client_header_timeout= client_idle_timeout= client_replay= client_replay_concurrency= client_tls_timeout= client_write_timeout= command_history= confdir= connect_addr= connection_strategy= console_default_contentview= console_eventlog_verbosity= console_flowlist_layout= console_focus_follow= console_layout= console_layout_headers= console_mouse= console_palette= console_palette_transparent= console_quickhelp_visible= console_strip_trailing_newlines= content_decode_limit= content_view_lines_cutoff= content_view_size_limit= dns_name_servers= dns_use_hosts_file= explain= export_preserve_original_ip= hardump= header_count_limit= header_size_limit= http2= http2_max_concurrent_streams= http2_max_resets= http2_ping_keepalive= http3= http_connect_send_host_header= ignore_hosts= intercept= intercept_active= keep_alt_svc_header= keep_host_header= key_size= listen_host= listen_port= map_local= map_remote= max_connections= mode= modify_body= modify_headers= normalize_outbound_headers= offline= onboarding= onboarding_host= protobuf_definitions= proxy_debug= proxyauth= rawtcp= readfile_filter= request_client_cert= rfile= save_stream_error= save_stream_file= save_stream_filter= script_error= script_python= script_timeout= script_workers= scripts= server= server_connect_timeout= server_replay= server_replay_extra= server_replay_ignore_content= server_replay_ignore_host= server_replay_ignore_params= server_replay_ignore_payload_params= server_replay_ignore_port= server_replay_kill_extra= server_replay_nopop= server_replay_record_new= server_replay_refresh= server_replay_reuse= server_replay_use_headers= server_response_timeout= show_ignored_hosts= showhost= ssl_insecure= ssl_verify_upstream_trusted_ca= ssl_verify_upstream_trusted_confdir= stickyauth= stickycookie= store_streamed_bodies= stream_large_bodies= strip_ech= tcp_hosts= tcp_timeout= tls_ecdh_curve_client= tls_ecdh_curve_server= tls_failure= tls_version_client_max= tls_version_client_min= tls_version_server_max= tls_version_server_min= udp_hosts= upstream_auth= upstream_cert= validate_inbound_headers= view_disk_limit= view_filter= view_flow_limit= view_memory_limit= view_order= view_order_reversed= websocket= websocket_message_limit=' -- "$cur")); return ;;
        --confdir) compopt -o filenames; COMPREPLY=($(compgen -d -- "$cur")); return ;;
        --allow-hosts) :; return ;;
        --cert-passphrase) :; return ;;
        --certs) :; return ;;
        --client-replay|-C) compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --console-layout) COMPREPLY=($(compgen -W 'horizontal single vertical' -- "$cur")); return ;;
        --ignore-hosts) :; return ;;
        --intercept) :; return ;;
        --listen-host) :; return ;;
        --listen-port|-p) :; return ;;
        --map-local) :; return ;;
        --map-remote|-M) :; return ;;
        --mode|-m) :; return ;;
        --modify-body|-B) :; return ;;
        --modify-headers|-H) :; return ;;
        --proxyauth) :; return ;;
        --rfile|-r) compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --save-stream-file|-w) compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --scripts|-s) compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --server-replay|-S) compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --server-replay-extra) COMPREPLY=($(compgen -W 'forward kill 204 400 404 500' -- "$cur")); return ;;
        --stickyauth) :; return ;;
        --stickycookie) :; return ;;
        --tcp-hosts) :; return ;;
        --upstream-auth) :; return ;;
        --view-filter) :; return ;;
    esac
    [[ $cur == -* ]] && COMPREPLY=($(compgen -W '-h --help --version --options --commands --set --confdir -q --quiet -v --verbose --allow-hosts --no-anticache --anticache --no-anticomp --anticomp --cert-passphrase --certs --client-replay -C --console-layout --no-console-layout-headers --console-layout-headers --no-explain --explain --no-http2 --http2 --ignore-hosts --intercept --listen-host --listen-port -p --map-local --map-remote -M --mode -m --modify-body -B --modify-headers -H --no-offline --offline --proxyauth --no-rawtcp --rawtcp --rfile -r --save-stream-file -w --scripts -s --no-server -n --server --server-replay -S --server-replay-extra --no-server-replay-kill-extra --server-replay-kill-extra --no-server-replay-record-new --server-replay-record-new --no-server-replay-refresh --server-replay-refresh --no-server-replay-reuse --server-replay-reuse --no-show-ignored-hosts --show-ignored-hosts --no-showhost --showhost --no-ssl-insecure --ssl-insecure -k --stickyauth --stickycookie --no-store-streamed-bodies --store-streamed-bodies --tcp-hosts --upstream-auth --view-filter' -- "$cur"))
}

_midwire_mitmweb() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    COMPREPLY=()
    case $prev in
        --set) compopt -o nospace; COMPREPLY=($(compgen -W 'add_upstream_certs_to_client_chain= allow_hosts= anticache= anticomp= block_global= block_list= block_private= body_size_limit= cert_passphrase= certs= ciphers_client= ciphers_server= client_body_timeout= client_certs= client_header_timeout= client_idle_timeout= client_replay= client_replay_concurrency= client_tls_timeout= client_write_timeout= command_history= confdir= connect_addr= connection_strategy= console_focus_follow= content_decode_limit= content_view_lines_cutoff= content_view_size_limit= dns_name_servers= dns_use_hosts_file= explain= export_preserve_original_ip= hardump= header_count_limit= header_size_limit= http2= http2_max_concurrent_streams= http2_max_resets= http2_ping_keepalive= http3= http_connect_send_host_header= ignore_hosts= intercept= intercept_active= keep_alt_svc_header= keep_host_header= key_size= listen_host= listen_port= map_local= map_remote= max_connections= mode= modify_body= modify_headers= normalize_outbound_headers= offline= onboarding= onboarding_host= protobuf_definitions= proxy_debug= proxyauth= rawtcp= readfile_filter= request_client_cert= rfile= save_stream_error= save_stream_file= save_stream_filter= script_error= script_python= script_timeout= script_workers= scripts= server= server_connect_timeout= server_replay= server_replay_extra= server_replay_ignore_content= server_replay_ignore_host= server_replay_ignore_params= server_replay_ignore_payload_params= server_replay_ignore_port= server_replay_kill_extra= server_replay_nopop= server_replay_record_new= server_replay_refresh= server_replay_reuse= server_replay_use_headers= server_response_timeout= show_ignored_hosts= showhost= ssl_insecure= ssl_verify_upstream_trusted_ca= ssl_verify_upstream_trusted_confdir= stickyauth= stickycookie= store_streamed_bodies= stream_large_bodies= strip_ech= tcp_hosts= tcp_timeout= termlog_verbosity= tls_ecdh_curve_client= tls_ecdh_curve_server= tls_failure= tls_version_client_max= tls_version_client_min= tls_version_server_max= tls_version_server_min= udp_hosts= upstream_auth= upstream_cert= validate_inbound_headers= view_disk_limit= view_filter= view_flow_limit= view_memory_limit= view_order= view_order_reversed= web_allowed_hosts= web_columns= web_debug= web_host= web_open_browser= web_password= web_port= web_restrict_commands= web_static_viewer= web_theme= websocket= websocket_message_limit=' -- "$cur")); return ;;
        --confdir) compopt -o filenames; COMPREPLY=($(compgen -d -- "$cur")); return ;;
        --allow-hosts) :; return ;;
        --cert-passphrase) :; return ;;
        --certs) :; return ;;
        --client-replay|-C) compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --ignore-hosts) :; return ;;
        --intercept) :; return ;;
        --listen-host) :; return ;;
        --listen-port|-p) :; return ;;
        --map-local) :; return ;;
        --map-remote|-M) :; return ;;
        --mode|-m) :; return ;;
        --modify-body|-B) :; return ;;
        --modify-headers|-H) :; return ;;
        --proxyauth) :; return ;;
        --rfile|-r) compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --save-stream-file|-w) compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --scripts|-s) compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --server-replay|-S) compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --server-replay-extra) COMPREPLY=($(compgen -W 'forward kill 204 400 404 500' -- "$cur")); return ;;
        --stickyauth) :; return ;;
        --stickycookie) :; return ;;
        --tcp-hosts) :; return ;;
        --upstream-auth) :; return ;;
        --web-host) :; return ;;
        --web-port) :; return ;;
    esac
    [[ $cur == -* ]] && COMPREPLY=($(compgen -W '-h --help --version --options --commands --set --confdir -q --quiet -v --verbose --allow-hosts --no-anticache --anticache --no-anticomp --anticomp --cert-passphrase --certs --client-replay -C --no-explain --explain --no-http2 --http2 --ignore-hosts --intercept --listen-host --listen-port -p --map-local --map-remote -M --mode -m --modify-body -B --modify-headers -H --no-offline --offline --proxyauth --no-rawtcp --rawtcp --rfile -r --save-stream-file -w --scripts -s --no-server -n --server --server-replay -S --server-replay-extra --no-server-replay-kill-extra --server-replay-kill-extra --no-server-replay-record-new --server-replay-record-new --no-server-replay-refresh --server-replay-refresh --no-server-replay-reuse --server-replay-reuse --no-show-ignored-hosts --show-ignored-hosts --no-showhost --showhost --no-ssl-insecure --ssl-insecure -k --stickyauth --stickycookie --no-store-streamed-bodies --store-streamed-bodies --tcp-hosts --upstream-auth --web-host --no-web-open-browser --web-open-browser --web-port' -- "$cur"))
}

_midwire() {
    if [[ $COMP_CWORD -gt 1 ]]; then
        case ${COMP_WORDS[1]} in
            dump) _midwire_dump ;;
        esac
        return
    fi
    COMPREPLY=($(compgen -W 'dump --help --version' -- "${COMP_WORDS[COMP_CWORD]}"))
}

complete -F _midwire_mitmdump mitmdump
complete -F _midwire_mitmproxy mitmproxy
complete -F _midwire_mitmweb mitmweb
complete -F _midwire midwire
