"""JSON packed small: raw deflate with a preset dictionary of the words that every row repeats.

The first byte names the dictionary. A dictionary is never edited: rows packed with it must stay readable, so better
words get a new number. Only our own names, values and words of the trade stand in one, never what a customer said.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any, Final

# What comes last costs least to point at, so the commonest words stand at the end.
_FIRST: Final = (
    '"reparsed_as":"legal_threat","self_harm","food_poisoning","fraud","injury","safety"question","thanks","churn_threat'
    '"neutral","suggestion","itch","undecided","legal","finance","store_operations","marketing","product"'
    '{"actions":{"alert":[["builtin-red-line",1,"critical",0]],"ticket":[["builtin-unhappy",1,"medium",0]]},'
    '"attachments":[],"attributes":{"order_id":"SO-","sku":"},"customer":"CUST-","departments":["logistics",'
    '"after_sales","customer_service","quality"],"frame":"2026.11.1","heard":17953,"intent":"complaint","praise",'
    '"key":"read_departments":["read_lang":"zh-CN","en","reason":"red_lines":["scales":[[1.0,5.0,"higher"]],'
    '[[0.0,10.0,"higher"]],"source":"typeform","jinshuju","jiandaoyun","canonical","subject":"tags":[['
    '"price.value","positive",0,0,4,0.85,["实惠"],"delight","lexicon","2026.11.1"],["product.quality","negative",0,'
    '["refund.speed","service.attitude","service.response","logistics.packaging","logistics.damage","logistics.speed",'
    '"positive",0,0.9,[""],"delight","lexicon","2026.11.1"],"negative",0,0.9,[""],"pain","lexicon","2026.11.1"]],'
    '"texts":[["","原因","customer"]],"understood":17953'
)
# Topics and departments of all packs, everyday words of the field, then the members of a row with a reading in it.
_SECOND: Final = (
    '"account","account.closing","account.details","account.kyc","account.opening","account.statement",'
    '"aftersales.cost","aftersales.parts","aftersales.waiting","aftersales.warranty","airport",'
    '"airport.boarding","airport.checkin","airport.lounge","airport.security","airport.staff","airport.transfer",'
    '"app.login","assistance","atm","atm.cash","atm.failure","baggage","baggage.allowance","baggage.damaged",'
    '"baggage.delayed","baggage.lost","booking","booking.change","booking.purchase","branch","branch.location",'
    '"branch.queue","branch.staff","cabin","cabin.crew","cabin.entertainment","cabin.food","cabin.seat",'
    '"cabin.wifi","card","card.bill","card.issue","card.limit","card.lost","card.payment","card.pin","dealer",'
    '"dealer.consultant","dealer.delivery","dealer.test_drive","dining","dining.breakfast","dining.restaurant",'
    '"facility","facility.leisure","facility.lift","facility.wifi","flight","flight.cancellation","flight.care",'
    '"flight.delay","flight.information","flight.rebooking","flight.safety","flight.schedule","loan",'
    '"loan.approval","loan.collection","loan.rate","loan.repayment","location.finding","location.shuttle",'
    '"logistics.pickup","loyalty","loyalty.miles","order.dietary","price.deal","price.deposit","price.tag",'
    '"price.weighing","product.charging","product.comfort","product.comfort.climate","product.comfort.noise",'
    '"product.comfort.ride","product.comfort.seat","product.exterior","product.exterior.design",'
    '"product.exterior.paint","product.features","product.features.equipment","product.features.infotainment",'
    '"product.fuel","product.handling","product.handling.chassis","product.handling.steering","product.hygiene",'
    '"product.interior","product.power","product.power.acceleration","product.power.engine","product.power.oil",'
    '"product.power.transmission","product.recommendation","product.safety","product.safety.brakes",'
    '"product.safety.protection","product.space","product.space.boot","product.space.cabin",'
    '"product.temperature","promotion.deal","promotion.gift_card","room","room.air_conditioning",'
    '"room.amenities","room.bathroom","room.bed","room.facilities","room.hot_water","room.size","room.smell",'
    '"room.view","security.access","security.control","security.fraud","service.attentiveness",'
    '"service.check_in","service.housekeeping","service.speed","service.waiting","store.fitting","store.hours",'
    '"store.layout","store.pushing","store.security","store.self_checkout","transfer","transfer.failure",'
    '"transfer.foreign","transfer.speed","transfer.topup","wealth","wealth.redeem","wealth.returns",'
    '"wealth.sales","aftersales.install","logistics.damage","logistics.lost","logistics.tracking","price.change",'
    '"product.description","product.effect","product.feel","product.ingredients","product.smell","refund.amount",'
    '"store.environment","environment.decor","environment.facilities","environment.noise","environment.space",'
    '"location.district","product.variety","security","security.privacy","service.reservation",'
    '"logistics.courier","logistics.packaging","order.stock","order.wrong","product.amount","product.appearance",'
    '"product.authenticity","product.fit","product.taste","store","store.queue","store.staff",'
    '"environment.ambience","environment.comfort","location","location.parking","location.transport",'
    '"overall.return","price.level","promotion.membership","aftersales","aftersales.repair","app.checkout",'
    '"logistics","logistics.speed","order","product.freshness","product.quality","promotion.gift",'
    '"refund.policy","environment.cleanliness","app.usability","product","refund","refund.speed",'
    '"service.response","environment","app.invoice","promotion.rules","service.attitude","price.fee",'
    '"price.value","promotion","service","service.resolution","app","overall","price",'
    '"collections","customer_care","dealer_delivery","flight_safety","foreign_exchange","network","parts",'
    '"fresh_food","front_desk","loyalty","service_desk","chassis","compliance","dealer_sales",'
    '"food_and_beverage","loans","refunds","revenue","risk","safety_engineering","self_service","wealth",'
    '"delivery","design","operations","reservations","security","store","warehouse","accounts","baggage",'
    '"body_and_comfort","branch_operations","payments","product_planning","cards","powertrain","quality",'
    '"engineering","front_of_house","ground_services","logistics","cabin_services","housekeeping","kitchen",'
    '"finance","hotel_operations","after_sales","merchandise","digital","marketing","customer_service","pricing",'
    '"store_operations"],'
    "包裹快递物流发货配送送货包装破损压烂漏了丢件退款退货换货售后保修客服态度服务耐心回复回应没人理不理人处理解决质"
    "量做工材质味道口感新鲜分量价格便宜实惠划算太贵性价比优惠活动赠品会员积分发票环境卫生干净脏吵排队等了很久上菜房"
    "间前台早餐隔音停车位置油耗动力空间内饰外观底盘异响登录闪退卡顿转账信用卡贷款利率手续费航班延误取消行李退票改签"
    "很快很慢太慢很好不错很差一般满意失望推荐喜欢下次还会再来不会再买没有一直根本已经希望能建议感谢谢谢投诉差评好评"
    '"reparsed_as":"legal_threat","self_harm","food_poisoning","fraud","injury","safety"],"red":["'
    '"behaviour":["dissuade","recommend","leave","return"],"correction":"co_","do":"not_meaningful",'
    '"no_response","suggestion","response_needed",'
    '"effort":"low","high","emotion":0,"intents":["question","thanks","churn_threat","suggestion","praise",'
    '"complaint"],"review":["sarcasm","no_topic","unsure_polarity","unsure_topic"],'
    '{"actions":{"alert":[["builtin-red-line",1,"critical",0]],"ticket":[["builtin-unhappy",1,"medium",0]]},'
    '"high",0'
    '"attachments":["https://"],"attributes":{"order_id":"SO-","sku":"},"customer":"CUST-",'
    '"departments":["customer_service","logistics"],"do":"no_response","emotion":1,'
    '"frame":"ecommerce-2026.11.2","good":98,"heard":1795,"intents":["praise"],"key":"R-","lang":"zh-CN",'
    '"model":"2026-","read_departments":["read_lang":"zh-CN","en","reason":'
    '"scales":[[1.0,5.0,"higher"]],[[0.0,10.0,"higher"]],"source":"typeform","jinshuju","jiandaoyun","canonical",'
    '"subject":"'
    '"t":[["product.quality","-",0,0,4,900,["不错"],0,1,-150,'
    '[0,2,-98,2,2,-121,4,2,-87]],["price.value","+",0,12,8,'
    '850,["实惠"],2,0,150,[0,1,39,2,1,178,2,2,513]]],'
    '"texts":[["。","您为什么给出这个分数？","customer"],"staff"]],'
    '"understood":1795'
)
DICTIONARIES: Final[Mapping[int, bytes]] = {1: _FIRST.encode(), 2: _SECOND.encode()}
_NEWEST: Final = max(DICTIONARIES)


def pack(value: Any) -> bytes:
    """Compact UTF-8 JSON, packed with the newest dictionary. ``\\uXXXX`` would double every Chinese character first."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, 9, zdict=DICTIONARIES[_NEWEST])
    return bytes([_NEWEST]) + deflate.compress(text.encode("utf-8", "surrogatepass")) + deflate.flush()


def unpack(packed: bytes) -> Any:
    """What was packed. Raises ValueError for bytes that no ``pack`` of ours wrote."""
    if not packed or packed[0] not in DICTIONARIES:
        raise ValueError("The value was packed with an unknown dictionary.")
    inflate = zlib.decompressobj(-zlib.MAX_WBITS, zdict=DICTIONARIES[packed[0]])
    try:
        text = inflate.decompress(packed[1:]) + inflate.flush()
    except zlib.error as error:
        raise ValueError("The packed value is damaged.") from error
    return json.loads(text.decode("utf-8", "surrogatepass"))
