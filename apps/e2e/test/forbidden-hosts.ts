/** Spellings of addresses at which no webhook may be, as the host of a URL. */
const LOOPBACK_HOSTS = [
  ..."127.0.0.1 127.1 127.0.1 127.0.0.1. 127.1. 127.255.255.254 127.127.127.127 127.000.000.001 127.0.0.01".split(" "),
  ..."2130706433 0x7f000001 0x7f000001. 0x7f.1 0x7F.0.0.1 0x7f.0.0.0x1 0X7F.1 0177.1 0177.0.0.1 017700000001 0177.0.0.0x1".split(
    " ",
  ),
  ..."0 0. 0.0 0.0.0.0 0x0 00 0.0.0.1 0.1 １２７.0.0.1 １２７．０．０．１ 127。0。0。1 127｡0｡0｡1 ①②⑦.0.0.1 ⑫７.0.0.1 𝟏𝟐𝟕.0.0.1".split(
    " ",
  ),
  ..."%31%32%37.0.0.1 127%2e0%2e0%2e1 127.0.0.%31 0%78%37f.1".split(" "),
  ..."localhost LOCALHOST LocalHost localhost. ｌｏｃａｌｈｏｓｔ loc%61lhost ⓛocalhost a.localhost a.b.LOCALHOST. localhost.localdomain".split(
    " ",
  ),
  ..."localhost6 localhost6.localdomain6 ip6-localhost ip6-loopback".split(" "),
  ..."[::1] [0:0:0:0:0:0:0:1] [0000:0000:0000:0000:0000:0000:0000:0001] [::0001] [0::1] [::0.0.0.1] [::] [::0] [0::0]".split(
    " ",
  ),
  ..."[::ffff:127.0.0.1] [::FFFF:127.0.0.1] [::ffff:7f00:1] [::ffff:7f00:0001] [0:0:0:0:0:ffff:127.0.0.1] [::ffff:0.0.0.0]".split(
    " ",
  ),
  ..."[::127.0.0.1] [::7f00:1] [::ffff:0:127.0.0.1] [::ffff:0:7f00:1] [64:ff9b::127.0.0.1] [64:ff9b::7f00:1] [64:ff9b::0.0.0.0]".split(
    " ",
  ),
  ..."[64:ff9b:1::7f00:1] [64:ff9b:1::127.0.0.1] [2002:7f00:1::] [2002:7f00:1::1] [2001:0:7f00:1::80ff:fffe]".split(
    " ",
  ),
];

const METADATA_HOSTS = [
  ..."169.254.169.254 169.254.169.254. 2852039166 0xa9fea9fe 0xA9.0xFE.0xA9.0xFE 0251.0376.0251.0376 025177524776 169.16689662".split(
    " ",
  ),
  ..."169.254.43518 169.254.170.2 169.254.0.1 １６９.254.169.254 [::ffff:169.254.169.254] [::ffff:a9fe:a9fe] [::a9fe:a9fe]".split(
    " ",
  ),
  ..."[64:ff9b::a9fe:a9fe] [64:ff9b:1::a9fe:a9fe] [2002:a9fe:a9fe::] [fe80::a9fe:a9fe] [fd00:ec2::254] [fd00:0ec2:0:0:0:0:0:254]".split(
    " ",
  ),
  ..."[fd20:ce::254] 100.100.100.200 0x646464c8 [::ffff:100.100.100.200] 168.63.129.16 2822734096 [64:ff9b::168.63.129.16]".split(
    " ",
  ),
  ..."192.0.0.192 metadata.google.internal METADATA.google.internal. metadata.internal instance-data.internal".split(
    " ",
  ),
];

const PRIVATE_HOSTS = [
  ..."10.0.0.1 10.255.255.255 167772161 0xa000001 012.1 10.1 172.16.0.1 172.31.255.255 0xac100001 192.168.0.1 192.168.257 3232235521".split(
    " ",
  ),
  ..."192.168.1.1. 100.64.0.1 100.127.255.254 192.0.0.1 192.0.0.8 192.0.0.170 192.0.2.1 198.51.100.1 203.0.113.1 198.18.0.1".split(
    " ",
  ),
  ..."198.19.255.255 192.31.196.1 192.52.193.1 192.88.99.1 192.175.48.1 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255".split(
    " ",
  ),
  ..."4294967295 0xffffffff [::ffff:10.0.0.1] [::ffff:c0a8:1] [64:ff9b::10.0.0.1] [64:ff9b::c0a8:1] [2002:a00:1::] [2002:c0a8:1::]".split(
    " ",
  ),
  ..."[fc00::1] [fd00::1] [fdff:ffff:ffff::1] [fe80::1] [febf::1] [fec0::1] [ff02::1] [ff05::2] [ff0e::1] [100::1] [100:0:0:1::1]".split(
    " ",
  ),
  ..."[2001::1] [2001:1::1] [2001:2::1] [2001:3::1] [2001:4:112::1] [2001:10::1] [2001:20::1] [2001:30::1] [2001:db8::1]".split(
    " ",
  ),
  ..."[2001:DB8:0:0:0:0:0:1] [2620:4f:8000::1] [3ffe::1] [3fff::1] [3fff:fff::1] [5f00::1] [4000::1] [200::1]".split(
    " ",
  ),
  ..."[2600:1::5efe:10.0.0.1] printer.local db.internal router.lan nas.home.arpa intranet.corp host.localdomain".split(
    " ",
  ),
];

export const FORBIDDEN_HOSTS = [...LOOPBACK_HOSTS, ...METADATA_HOSTS, ...PRIVATE_HOSTS];

/** Whole URLs that lead there, or would if they were read otherwise; `port` is the listener's. */
export function forbiddenUrls(port: number): string[] {
  return [
    `http://user@127.0.0.1:${port}/`,
    `http://user:word@127.0.0.1:${port}/`,
    `http://public.example@127.0.0.1:${port}/`,
    `http://public.example%40127.0.0.1:${port}/`,
    `http://public.example#@127.0.0.1:${port}/`.replace("#", "%23"),
    `http:\\\\127.0.0.1:${port}\\`,
    `http:/127.0.0.1:${port}/`,
    `http:///127.0.0.1:${port}/`,
    `http:127.0.0.1:${port}/`,
    `HtTp://127.0.0.1:${port}/`,
    ` http://127.0.0.1:${port}/`,
    `\thttp://127.0.0.1:${port}/`,
    `http://127.0.0.1:${port}/ `,
    `ht\ntp://127.0.0.1:${port}/`,
    `http://127.0.\t0.1:${port}/`,
    `http://127.0.0.1\\@public.example:${port}/`,
    `http://[fe80::1%25lo]:${port}/`,
    `http://[::1%25lo]:${port}/`,
    `http://[::1]:0${port}/`,
    `http://[[::1]]:${port}/`,
    `http://::1:${port}/`,
    `http://256.0.0.1:${port}/`,
    `http://127.0.0.1.1:${port}/`,
    `ftp://127.0.0.1:${port}/`,
    `file:///etc/passwd`,
    `gopher://127.0.0.1:${port}/_POST`,
    `unix:/var/run/docker.sock`,
    `http://unix:/var/run/docker.sock:/containers/json`,
    `data:text/plain,x`,
    `//127.0.0.1:${port}/`,
    `127.0.0.1:${port}`,
    "http://public.example:22/",
    "http://public.example:25/",
    "http://public.example:6379/",
  ];
}

/** What names resolve to, whose owners chose it. */
export const FORBIDDEN_ANSWERS: ({ A?: string[] } | { AAAA?: string[] })[] = [
  { A: ["127.0.0.1"] },
  { A: ["0.0.0.0"] },
  { A: ["10.0.0.1"] },
  { A: ["100.100.100.200"] },
  { A: ["169.254.169.254"] },
  { A: ["168.63.129.16"] },
  { A: ["224.0.0.1"] },
  { A: ["203.0.114.1", "127.0.0.1"] },
  { A: ["127.0.0.1", "203.0.114.1"] },
  { A: ["203.0.114.1"], AAAA: ["::1"] },
  { AAAA: ["::1"] },
  { AAAA: ["::"] },
  { AAAA: ["::ffff:127.0.0.1"] },
  { AAAA: ["::127.0.0.1"] },
  { AAAA: ["::8.8.8.8"] },
  { AAAA: ["64:ff9b::7f00:1"] },
  { AAAA: ["2002:7f00:1::1"] },
  { AAAA: ["fd00:ec2::254"] },
  { AAAA: ["fe80::1"] },
  { AAAA: ["2606:4700::1111", "::1"] },
];
