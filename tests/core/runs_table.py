"""Runs as they occur in Persian texts, and the order in which they are read."""

from __future__ import annotations

from typing import Final

SENTENCES: Final = ("برای این کار {} را ببینید.", "{} را ببینید", "ببینید: {}")

_LTR: Final = """
۰۲۱-۹۱۰۰۰۰۰۰
021-91000000
+98 21 9100 0000
+۹۸ ۲۱ ۹۱۰۰ ۰۰۰۰
(021) 9100 0000
۰۹۱۲ ۳۴۵ ۶۷۸۹
0912-345-6789
۱-۸۰۰-۱۲۳-۴۵۶۷
6037 9911 0000 1234
۶۰۳۷-۹۹۱۱-۰۰۰۰-۱۲۳۴
*700#
*۷۰۰*۱#
*#06#
#31#
*140*11#
*5*1*2#
300 Mbps
۳۰۰ Mbps
2.4 GHz
-65 dBm
5–10 GHz
12 V
25°C
1.5 TB
100 MB/s
NR-X2-00123
SN: NR-X2-00123
X2-300
B-12/4
#A-1234
2001:db8::1
00:1A:2B:3C:4D:5E
192.168.1.1
192.168.1.0/24
192.168.1.1:8080
3.4.1
v2.1.7
3.4.1-beta
2.0.0-rc.1+build.5
۲.۱.۷
1405-10-01
۱۴۰۵-۱۰-۰۱
۱۴۰۵/۱۰/۰۱
2026-11-29T20:30
https://noora.example/fa/a-b/?q=1&p=2
www.noora.example/help
noora.example
ali.rezai@noora.example
firmware_v2.1-beta.bin
noora-app.apk
/etc/noora/wan.conf
C:\\Users\\noora\\x.txt
~/Downloads/noora.zip
.NET
C++
C#
Wi-Fi 6
Wi-Fi (5 GHz)
Windows 11
Ctrl+Alt+Del
TCP/IP
Noora X2 Pro
Settings → Wi-Fi
Settings > Wi-Fi > Advanced
Chrome, Firefox, Edge
$20
-5
+200
۱۹۲۰×۱۰۸۰
2+2=4
--help
@noora
"""
_RTL: Final = """
۲-۳
5-10
۵–۱۰
۸:۰۰-۱۶:۰۰
۱۴۰۴-۱۴۰۵
۱۴۰۵/۱/۵–۱۴۰۵/۱/۹
"""
#: Each with "ltr" or "rtl": how its parts follow each other on the screen.
RUNS: Final = [*((run, "ltr") for run in _LTR.split("\n") if run), *((run, "rtl") for run in _RTL.split("\n") if run)]
