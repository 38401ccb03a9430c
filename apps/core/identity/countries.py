"""ISO 3166-1: the 249 assigned countries with their names as people type them.

A row is alpha-2, alpha-3, then English and Portuguese names parted by "/". Case, accents, spaces and
punctuation are ignored in a look-up, so one spelling covers "MÉXICO", "Mexico" and "méxico".
"""

from apps.core.identity.text import fold_accents, keep_alphanumeric

_ROWS = """
ad and Andorra
ae are United Arab Emirates/UAE/Emirados Árabes Unidos/Emirados Árabes
af afg Afghanistan/Afeganistão
ag atg Antigua and Barbuda/Antígua e Barbuda
ai aia Anguilla/Anguila
al alb Albania/Albânia
am arm Armenia/Armênia
ao ago Angola
aq ata Antarctica/Antártida/Antártica
ar arg Argentina
as asm American Samoa/Samoa Americana
at aut Austria/Áustria
au aus Australia/Austrália
aw abw Aruba
ax ala Åland Islands/Ilhas Åland
az aze Azerbaijan/Azerbaijão
ba bih Bosnia and Herzegovina/Bosnia/Bósnia e Herzegovina/Bósnia-Herzegóvina
bb brb Barbados
bd bgd Bangladesh
be bel Belgium/Bélgica
bf bfa Burkina Faso/Burquina Faso
bg bgr Bulgaria/Bulgária
bh bhr Bahrain/Bahrein/Barein
bi bdi Burundi
bj ben Benin
bl blm Saint Barthélemy/São Bartolomeu
bm bmu Bermuda/Bermudas
bn brn Brunei/Brunei Darussalam
bo bol Bolivia/Bolívia
bq bes Bonaire, Sint Eustatius and Saba/Caribbean Netherlands/Bonaire/Países Baixos Caribenhos
br bra Brazil/Brasil/República Federativa do Brasil
bs bhs Bahamas/The Bahamas
bt btn Bhutan/Butão
bv bvt Bouvet Island/Ilha Bouvet
bw bwa Botswana/Botsuana
by blr Belarus/Bielorrússia/Belarús
bz blz Belize
ca can Canada/Canadá
cc cck Cocos Islands/Cocos (Keeling) Islands/Ilhas Cocos
cd cod Democratic Republic of the Congo/DR Congo/República Democrática do Congo
cf caf Central African Republic/República Centro-Africana
cg cog Congo/Republic of the Congo/República do Congo
ch che Switzerland/Suíça
ci civ Côte d'Ivoire/Ivory Coast/Costa do Marfim
ck cok Cook Islands/Ilhas Cook
cl chl Chile
cm cmr Cameroon/Camarões
cn chn China
co col Colombia/Colômbia
cr cri Costa Rica
cu cub Cuba
cv cpv Cape Verde/Cabo Verde
cw cuw Curaçao
cx cxr Christmas Island/Ilha Christmas/Ilha do Natal
cy cyp Cyprus/Chipre
cz cze Czechia/Czech Republic/Chéquia/Tchéquia/República Tcheca/República Checa
de deu Germany/Alemanha
dj dji Djibouti/Djibuti
dk dnk Denmark/Dinamarca
dm dma Dominica
do dom Dominican Republic/República Dominicana
dz dza Algeria/Argélia
ec ecu Ecuador/Equador
ee est Estonia/Estônia
eg egy Egypt/Egito/Egipto
eh esh Western Sahara/Saara Ocidental
er eri Eritrea/Eritreia
es esp Spain/Espanha
et eth Ethiopia/Etiópia
fi fin Finland/Finlândia
fj fji Fiji
fk flk Falkland Islands/Ilhas Malvinas/Ilhas Falkland
fm fsm Micronesia/Micronésia
fo fro Faroe Islands/Ilhas Faroé/Ilhas Faroe
fr fra France/França
ga gab Gabon/Gabão
gb gbr United Kingdom/UK/Great Britain/England/Scotland/Wales/Reino Unido/Grã-Bretanha/Inglaterra/Escócia
gd grd Grenada/Granada
ge geo Georgia/Geórgia
gf guf French Guiana/Guiana Francesa
gg ggy Guernsey
gh gha Ghana/Gana
gi gib Gibraltar
gl grl Greenland/Groenlândia/Groelândia
gm gmb Gambia/The Gambia/Gâmbia
gn gin Guinea/Guiné
gp glp Guadeloupe/Guadalupe
gq gnq Equatorial Guinea/Guiné Equatorial
gr grc Greece/Grécia
gs sgs South Georgia and the South Sandwich Islands/Ilhas Geórgia do Sul e Sandwich do Sul
gt gtm Guatemala
gu gum Guam
gw gnb Guinea-Bissau/Guiné-Bissau
gy guy Guyana/Guiana
hk hkg Hong Kong
hm hmd Heard Island and McDonald Islands/Ilha Heard e Ilhas McDonald
hn hnd Honduras
hr hrv Croatia/Croácia
ht hti Haiti
hu hun Hungary/Hungria
id idn Indonesia/Indonésia
ie irl Ireland/Irlanda
il isr Israel
im imn Isle of Man/Ilha de Man
in ind India/Índia
io iot British Indian Ocean Territory/Território Britânico do Oceano Índico
iq irq Iraq/Iraque
ir irn Iran/Irã/Irão
is isl Iceland/Islândia
it ita Italy/Itália
je jey Jersey
jm jam Jamaica
jo jor Jordan/Jordânia
jp jpn Japan/Japão
ke ken Kenya/Quênia
kg kgz Kyrgyzstan/Quirguistão
kh khm Cambodia/Camboja
ki kir Kiribati
km com Comoros/Comores
kn kna Saint Kitts and Nevis/São Cristóvão e Névis
kp prk North Korea/Coreia do Norte
kr kor South Korea/Korea/Republic of Korea/Coreia do Sul/Coreia
kw kwt Kuwait/Kuaite
ky cym Cayman Islands/Ilhas Cayman/Ilhas Caimã
kz kaz Kazakhstan/Cazaquistão
la lao Laos
lb lbn Lebanon/Líbano
lc lca Saint Lucia/Santa Lúcia
li lie Liechtenstein
lk lka Sri Lanka
lr lbr Liberia/Libéria
ls lso Lesotho/Lesoto
lt ltu Lithuania/Lituânia
lu lux Luxembourg/Luxemburgo
lv lva Latvia/Letônia
ly lby Libya/Líbia
ma mar Morocco/Marrocos
mc mco Monaco/Mônaco
md mda Moldova/Moldávia
me mne Montenegro
mf maf Saint Martin/São Martinho
mg mdg Madagascar
mh mhl Marshall Islands/Ilhas Marshall
mk mkd North Macedonia/Macedonia/Macedônia do Norte/Macedônia
ml mli Mali
mm mmr Myanmar/Burma/Mianmar/Birmânia
mn mng Mongolia/Mongólia
mo mac Macao/Macau
mp mnp Northern Mariana Islands/Ilhas Marianas do Norte/Ilhas Marianas Setentrionais
mq mtq Martinique/Martinica
mr mrt Mauritania/Mauritânia
ms msr Montserrat
mt mlt Malta
mu mus Mauritius/Maurício/Ilhas Maurício
mv mdv Maldives/Maldivas
mw mwi Malawi/Maláui
mx mex Mexico/México
my mys Malaysia/Malásia
mz moz Mozambique/Moçambique
na nam Namibia/Namíbia
nc ncl New Caledonia/Nova Caledônia
ne ner Niger/Níger
nf nfk Norfolk Island/Ilha Norfolk
ng nga Nigeria/Nigéria
ni nic Nicaragua/Nicarágua
nl nld Netherlands/The Netherlands/Holland/Países Baixos/Holanda
no nor Norway/Noruega
np npl Nepal
nr nru Nauru
nu niu Niue
nz nzl New Zealand/Nova Zelândia
om omn Oman/Omã
pa pan Panama/Panamá
pe per Peru
pf pyf French Polynesia/Polinésia Francesa
pg png Papua New Guinea/Papua-Nova Guiné
ph phl Philippines/Filipinas
pk pak Pakistan/Paquistão
pl pol Poland/Polônia
pm spm Saint Pierre and Miquelon/São Pedro e Miquelão
pn pcn Pitcairn/Pitcairn Islands/Ilhas Pitcairn
pr pri Puerto Rico/Porto Rico
ps pse Palestine/State of Palestine/Palestina
pt prt Portugal
pw plw Palau
py pry Paraguay/Paraguai
qa qat Qatar/Catar
re reu Réunion/Reunião
ro rou Romania/Romênia
rs srb Serbia/Sérvia
ru rus Russia/Russian Federation/Rússia/Federação Russa
rw rwa Rwanda/Ruanda
sa sau Saudi Arabia/Arábia Saudita
sb slb Solomon Islands/Ilhas Salomão
sc syc Seychelles/Seicheles
sd sdn Sudan/Sudão
se swe Sweden/Suécia
sg sgp Singapore/Singapura/Cingapura
sh shn Saint Helena/Saint Helena, Ascension and Tristan da Cunha/Santa Helena
si svn Slovenia/Eslovênia
sj sjm Svalbard and Jan Mayen/Svalbard e Jan Mayen
sk svk Slovakia/Eslováquia
sl sle Sierra Leone/Serra Leoa
sm smr San Marino/São Marinho/São Marino
sn sen Senegal
so som Somalia/Somália
sr sur Suriname
ss ssd South Sudan/Sudão do Sul
st stp Sao Tome and Principe/São Tomé e Príncipe
sv slv El Salvador
sx sxm Sint Maarten
sy syr Syria/Síria
sz swz Eswatini/Swaziland/Essuatíni/Suazilândia
tc tca Turks and Caicos Islands/Ilhas Turks e Caicos/Ilhas Turcas e Caicos
td tcd Chad/Chade
tf atf French Southern Territories/Terras Austrais e Antárticas Francesas
tg tgo Togo
th tha Thailand/Tailândia
tj tjk Tajikistan/Tajiquistão/Tadjiquistão
tk tkl Tokelau/Toquelau
tl tls Timor-Leste/East Timor
tm tkm Turkmenistan/Turcomenistão/Turquemenistão
tn tun Tunisia/Tunísia
to ton Tonga
tr tur Türkiye/Turkey/Turquia
tt tto Trinidad and Tobago/Trinidad e Tobago/Trindade e Tobago
tv tuv Tuvalu
tw twn Taiwan
tz tza Tanzania/Tanzânia
ua ukr Ukraine/Ucrânia
ug uga Uganda
um umi United States Minor Outlying Islands/Ilhas Menores Distantes dos Estados Unidos
us usa United States/United States of America/Estados Unidos/Estados Unidos da América/EUA
uy ury Uruguay/Uruguai
uz uzb Uzbekistan/Usbequistão/Uzbequistão
va vat Vatican City/Vatican/Holy See/Vaticano/Cidade do Vaticano/Santa Sé
vc vct Saint Vincent and the Grenadines/São Vicente e Granadinas
ve ven Venezuela
vg vgb British Virgin Islands/Ilhas Virgens Britânicas
vi vir U.S. Virgin Islands/United States Virgin Islands/Ilhas Virgens Americanas
vn vnm Vietnam/Viet Nam/Vietnã/Vietname
vu vut Vanuatu
wf wlf Wallis and Futuna/Wallis e Futuna
ws wsm Samoa
ye yem Yemen/Iêmen
yt myt Mayotte/Maiote
za zaf South Africa/África do Sul
zm zmb Zambia/Zâmbia
zw zwe Zimbabwe/Zimbábue
""".strip().splitlines()


def _lookup_key(name: str) -> str:
    """The form under which a name is filed: unaccented letters and digits in lower case."""
    return fold_accents(keep_alphanumeric(name.lower()) or "")


def _read_rows() -> dict[str, str]:
    alpha2_by_key: dict[str, str] = {}
    for row in _ROWS:
        alpha2, alpha3, names = row.split(" ", 2)
        keys = (alpha2, alpha3, *map(_lookup_key, names.split("/")))
        alpha2_by_key.update(dict.fromkeys(keys, alpha2))
    return alpha2_by_key


_ALPHA2_BY_KEY = _read_rows()


def find_alpha2(name: str) -> str | None:
    """The lower-case alpha-2 code of a country's code or name; None when it is no country we know."""
    return _ALPHA2_BY_KEY.get(_lookup_key(name))
