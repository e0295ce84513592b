"""Words that names and titles are put together from, language by language.

No sentence here is meant to be right in its grammar; the letters, lengths and accents are.
"""

from collections.abc import Sequence
from dataclasses import dataclass


def words(text: str) -> Sequence[str]:
    return text.split()


@dataclass(frozen=True, eq=False)
class Language:
    share: int
    """Of a hundred artists, how many."""

    given: Sequence[str]
    family: Sequence[str]
    nouns: Sequence[str]
    describing: Sequence[str]
    person: str = "{given} {family}"
    bands: Sequence[str] = ("{describing} {noun}", "{noun} {other}")
    titles: Sequence[str] = ("{noun}", "{describing} {noun}", "{noun} {other}")


ENGLISH = Language(
    share=44,
    given=words(
        "Ada Amos Anna Audrey Barney Beth Billie Bobby Cass Cecil Clara Cleo Dale Della Dinah "
        "Earl Edith Ella Etta Floyd Gil Grace Hank Harriet Ida Irma Jack Jolene June Kit Lena "
        "Levon Lou Mabel Mavis Merle Nat Nell Odetta Otis Pearl Percy Ray Rosetta Ruth Sam "
        "Sister Slim Stella Sun Teddy Townes Vera Wes Willa Woody"
    ),
    family=words(
        "Abbott Baker Barnes Bishop Boone Brannigan Broom Calloway Carter Cole Crow Dixon Drake "
        "Ellis Farrow Fields Finch Fisher Franklin Gale Garland Grant Hale Hart Hawkins Holloway "
        "Hooker Hurley Jarvis Keene Lark Lockwood Marsh Mercer Mills Monroe Nash Nightingale "
        "Parker Pike Porter Price Quinn Rawlins Reed Rhodes Sawyer Shaw Stone Sumner Tate Thorne "
        "Travers Underwood Vance Waters Webb Whitlock Winter Wren Yates York"
    ),
    nouns=words(
        "Anchor Animal Arrow Ash Avenue Bell Bird Blues Bone Bridge Canyon Circle City Cloud "
        "Comet Crow Dancer Desert Diamond Dream Echo Ember Engine Field Fire Flood Forest Fox "
        "Garden Ghost Glass Halo Harbour Heart Highway Hollow Horse Hour House Island Kingdom "
        "Ladder Lamp Lantern Letter Light Lion Machine Mercy Meridian Mirror Moon Morning Mountain "
        "Needle Night Ocean Orchard Paper Pilot Pine Queen Radio Rain Raven Rider River Road Rose "
        "Sailor Salt Satellite Season Shadow Ship Signal Silver Sky Smoke Snow Song Sparrow Spring "
        "Stairway Star Stranger Street Summer Swan Table Thunder Tide Tiger Tower Train Valley "
        "Velvet Water Weather Whisper Wind Window Winter Wire Wolf Wonder"
    ),
    describing=words(
        "All American Any Black Blind Blue Brand Broken Burning Cold Crooked Dark Dear Deep "
        "Electric Empty Endless Every Faded Faithful Final First Flying Foolish Forgotten Golden "
        "Good Green Grey Half Hidden High Holy Honest Last Late Little Lonesome Long Lost Lucky "
        "Magnetic Midnight My New No Old Other Pale Patient Perfect Plastic Quiet Red Restless "
        "Running Sacred Secret Second Seven Silent Slow Small Southern Strange Sudden Sweet Tall "
        "Tender Ten Thin Twelve Unknown Velvet Warm White Wild Young"
    ),
    bands=(
        "The {describing} {noun}s",
        "The {noun}s",
        "{noun} {other}",
        "{describing} {noun}",
        "{noun} & the {other}s",
        "{given} & the {noun}s",
        "{noun} of {other}s",
        "DJ {noun}",
        "The {family} {number}",
    ),
    titles=(
        "{noun}",
        "{describing} {noun}",
        "{describing} {noun}s",
        "{noun} and {other}",
        "The {noun}",
        "{noun} in the {other}",
        "Where the {noun} Goes",
        "I Saw a {describing} {noun}",
        "{noun}s on the {other}",
        "(Don't Tell the) {noun}",
        "{given}'s {noun}",
        "{noun}, Pt. {number}",
        "A {noun} for {given}",
        "What {given} Said to the {describing} {noun}",
    ),
)

LANGUAGES = (
    ENGLISH,
    Language(  # German
        share=5,
        given=words("Jürgen Käthe Günther Änne Bärbel Sören Uwe Grete Jörg Ulla Heinz Trude"),
        family=words("Müller Schröder Böhm Weiß Krüger Großmann Vogel Köhler Jäger Strauß Lütz"),
        nouns=words("Straße Nächte Schnee Mädchen Brücke Träume Grüße Löwe Herbst Wälder Süden"),
        describing=words("Schöne Große Müde Süße Weiße Späte Fröhliche Kühle Neue Öde Graue"),
        titles=("{noun}", "{describing} {noun}", "{noun} und {other}", "Über {noun}"),
    ),
    Language(  # French
        share=5,
        given=words("Édith Françoise Léo Zoé Jérôme Hélène Anaïs Noël Théo Agnès Aimée Gaëlle"),
        family=words("Lefèvre Barthélemy Béart Dupré Lemaître Céline Côté Poirée Rémy Gérard"),
        nouns=words("Forêt Été Île Rêve Château Fenêtre Étoile Hôtel Océan Âme Nuit Garçon"),
        describing=words("Petite Dernière Belle Étrange Légère Fidèle Pâle Première Secrète"),
        titles=("{noun}", "{describing} {noun}", "{noun} d'hiver", "À la {noun}", "L'{noun}"),
    ),
    Language(  # Spanish
        share=5,
        given=words("José Ángel Lucía Íñigo Begoña Martín Sofía Óscar Inés Ramón Concepción"),
        family=words("Muñoz Núñez Gómez Ibáñez Rodríguez Peña López Cañizares Vásquez Gutiérrez"),
        nouns=words("Corazón Canción Niño Montaña Sueño Adiós Mañana Luna Ilusión Camión Añil"),
        describing=words("Última Pequeño Lejana Mágico Única Rápido Eléctrica Débil Fácil"),
        titles=("{noun}", "{noun} y {other}", "La {noun}", "¿Dónde está mi {noun}?", "¡{noun}!"),
    ),
    Language(  # Portuguese
        share=3,
        given=words("João Antônio Inês Conceição Cândido Nazaré Sebastião Júlia Cauã Estêvão"),
        family=words("Gonçalves Araújo Magalhães Assunção Simões Falcão Brandão Conceição"),
        nouns=words("Coração Saudade Maré Chão Violão Manhã Verão Solidão Estação Canção Avião"),
        describing=words("Última Bonita Pequeno Mágica Distante Nenhuma Você Amanhã"),
        titles=("{noun}", "{noun} e {other}", "{describing} {noun}", "O {noun} de {given}"),
    ),
    Language(  # Icelandic
        share=2,
        given=words("Björk Þórunn Ásgeir Sigríður Örn Guðrún Ólafur Eyþór Sæunn Ragnheiður"),
        family=words("Þorvaldsdóttir Jónsson Ægisson Guðmundsdóttir Ólafsson Björnsdóttir"),
        nouns=words("Fjörður Sól Hljómur Þoka Ævintýri Rós Jökull Vængur Nótt Öldur"),
        describing=words("Síðasta Blár Lítill Gamla Ókunnur Þögul Hvítt"),
    ),
    Language(  # Polish and Czech
        share=4,
        given=words("Łukasz Zofia Jiří Božena Grażyna Věra Stanisław Radek Jaromír Żaneta"),
        family=words("Wiśniewski Dvořák Żółć Kowalczyk Černý Łoś Šimůnek Jabłońska Růžička"),
        nouns=words("Miłość Řeka Księżyc Hvězda Cień Světlo Źródło Žár Gałąź Písnička Łąka"),
        describing=words("Mała Starý Żółta Poslední Dziwna Tichá Śpiąca Černá"),
    ),
    Language(  # Turkish
        share=2,
        given=words("Barış Gülşen Işıl Özgür Çağla İbrahim Şebnem Ümit Uğur Nazım"),
        family=words("Yıldız Öztürk Çelik Şahin Güneş İnce Doğan Kılıç Aydın"),
        nouns=words("Gökyüzü Işık Düş Şarkı Çiçek Gece Ağaç Rüzgâr Yağmur İstanbul"),
        describing=words("Güzel Küçük Sessiz Uzak Eski Sıcak Çıplak"),
    ),
    Language(  # Vietnamese
        share=1,
        given=words("Thị Hồng Văn Đức Ngọc Ánh Quốc Bảo Thùy Dương Mỹ Lệ Hữu Phước"),
        family=words("Nguyễn Trần Phạm Đặng Võ Bùi Đỗ Huỳnh Lê"),
        nouns=words("Mưa Đêm Trăng Sông Biển Nắng Tình Gió Đường Phố"),
        describing=words("Xanh Buồn Cuối Xưa Vắng Nhỏ Đầu"),
        person="{family} {given}",
    ),
    Language(  # Russian
        share=8,
        given=words("Алла Борис Виктор Галина Ёлка Жанна Зоя Игорь Ксения Лев Нюша Пётр Юрий"),
        family=words("Абрамов Белов Волкова Гребень Дёмин Ежов Кузнецов Соловьёв Цой Шевчук"),
        nouns=words("Дождь Зима Ночь Звезда Город Ветер Поезд Берёза Окно Река Снег Пёс Сердце"),
        describing=words("Белая Последний Чёрная Новый Тихая Дальний Моя Зелёный Старый"),
        bands=("{describing} {noun}", "{noun} и {other}", "{given} и {noun}", "Ансамбль {family}"),
        titles=("{noun}", "{describing} {noun}", "{noun} и {other}", "Где {noun}?"),
    ),
    Language(  # Greek
        share=3,
        given=words("Μάνος Ελένη Νίκος Χαρούλα Γιώργος Δήμητρα Σταύρος Άννα Θανάσης Ρένα"),
        family=words("Παπαδόπουλος Ξαρχάκος Αλεξίου Βαμβακάρης Τσιτσάνης Ψαράκη Γαλάνη"),
        nouns=words("Θάλασσα Νύχτα Φεγγάρι Καρδιά Δρόμος Ήλιος Βροχή Άνεμος Τραγούδι"),
        describing=words("Μικρή Τελευταία Άσπρη Παλιά Μαύρη Ξένη Γλυκιά"),
    ),
    Language(  # Japanese
        share=6,
        given=words("さくら 健太 美咲 翔 ひかり 大輔 あやか 優子 隆一 ゆず 陽水 みゆき"),
        family=words("山田 佐藤 中島 坂本 宇多田 椎名 久石 井上 渡辺 はらだ 細野"),
        nouns=words("夜 桜 海 ギター 東京 雨 星 ラジオ 夏 ひまわり 月 電車 恋 メロディー"),
        describing=words("青い 最後の 小さな 白い ふたりの 遠い 静かな はじめての"),
        person="{family}{given}",
        bands=(
            "{describing}{noun}と{other}",
            "{noun}{given}",
            "ザ・{noun}ズ",
            "{family}{noun}倶楽部",
        ),
        titles=("{noun}", "{describing}{noun}", "{noun}と{other}", "{noun}のうた"),
    ),
    Language(  # Korean
        share=3,
        given=words("지은 민수 서연 현우 하늘 유진 보아 준호 은지 태양"),
        family=words("김 이 박 최 정 강 조 윤 장 한"),
        nouns=words("바람 별 사랑 비 하늘 꽃 밤 노래 서울 바다 눈물"),
        describing=words("작은 마지막 푸른 하얀 슬픈 오래된 우리"),
        person="{family}{given}",
        bands=("{describing} {noun}과 {other}", "{given}의 {noun}", "{noun}{other}밴드"),
    ),
    Language(  # Chinese
        share=3,
        given=words("小明 丽君 国荣 菲 学友 静茹 杰伦 燕姿 健 蔡琴"),
        family=words("王 李 张 邓 陈 孙 周 崔 梁 林"),
        nouns=words("月亮 夜 雨 海 风 花 梦 城市 秋天 火车 青春"),
        describing=words("蓝色 最后的 白色 小 遥远的 孤独的 我的"),
        person="{family}{given}",
        bands=("{describing}{noun}与{other}", "{noun}{other}乐队", "{given}与{noun}"),
        titles=("{noun}", "{describing}{noun}", "{noun}与{other}"),
    ),
    Language(  # Arabic
        share=3,
        given=words("فيروز محمد أسمهان كاظم نجاة مارسيل ليلى عمر صباح وردة"),
        family=words("الحداد خليفة الأطرش الصغيرة الساهر حافظ الرومي دياب"),
        nouns=words("ليل قمر حبيبي مطر قلب شمس بحر وردة طريق"),
        describing=words("جديد الأخير أبيض حزين بعيد قديم"),
        bands=("{noun} و{other}", "فرقة {noun} {describing}", "{given} و{noun}"),
        titles=("{noun}", "{noun} {describing}", "يا {noun}", "{noun} و{other}"),
    ),
    Language(  # Hebrew
        share=1,
        given=words("אריק חוה שלום נועה יהודית מתי עופרה דודו"),
        family=words("איינשטיין אלברשטיין חנוך כספי רביץ לוי בנאי"),
        nouns=words("לילה ירח שיר גשם לב רוח דרך ים"),
        describing=words("לבן אחרון רחוק קטן שקט ישן"),
        bands=("{noun} {describing}", "להקת {noun}"),
        titles=("{noun}", "{noun} {describing}", "{noun} ו{other}"),
    ),
    Language(  # Hindi
        share=2,
        given=words("लता किशोर आशा मुकेश गीता रवि श्रेया अरिजीत"),
        family=words("मंगेशकर कुमार शर्मा दत्त घोषाल सिंह वर्मा"),
        nouns=words("दिल रात चाँद प्यार बारिश सपना रास्ता गीत"),
        describing=words("नया आख़िरी मेरा नीला छोटा पुराना"),
    ),
)

NUMBERS = words("Two Three Four Five Six Seven Nine Eleven")
VARIOUS_ARTISTS = "Various Artists"

GENRES = (
    "Rock", "Pop", "Electronic", "Jazz", "Hip-Hop", "Classical", "Folk", "Metal", "Soul",
    "Blues", "Country", "Punk", "Ambient", "R&B", "Reggae", "House", "Techno", "Soundtrack",
    "Chanson", "Samba", "Bossa Nova", "Post-Rock", "Drum & Bass", "Afrobeat", "Flamenco",
    "Gospel", "K-Pop", "Enka", "Ρεμπέτικο", "Česká dechovka", "Música popular brasileira",
)  # fmt: skip
"""The most common first."""
