# Removes what setup.rsc added, and nothing else.
/system logging remove [find comment="insider-risk"]
/system logging action remove [find name="insiderrisk"]
/system script environment remove [find name~"^irm(Address|Port|Name|Integration|Nonce)\$"]
