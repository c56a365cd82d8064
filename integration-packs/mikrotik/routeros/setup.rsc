# Sends the log to the address of values.rsc, which must be imported before. RouterOS 6 and 7.
:global irmAddress
:global irmPort
:global irmName
:if ([:typeof $irmAddress] = "nothing") do={ :error "import values.rsc first" }
/system logging remove [find comment="insider-risk"]
/system logging action remove [find name="insiderrisk"]
/system logging action add name=insiderrisk target=remote remote=$irmAddress remote-port=$irmPort
:foreach topic in={"account";"system";"critical";"error";"warning";"ppp";"l2tp";"ovpn";"ipsec";"dhcp";"wireless";"firewall";"script"} do={
  /system logging add topics=$topic action=insiderrisk comment="insider-risk"
}
:log info ("insider-risk: logging for " . $irmName)
